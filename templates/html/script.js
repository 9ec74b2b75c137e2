// Enhances the page; nothing of it is needed to read. A symbol or a number of a line shows that line where it is pointed at.
(() => {
  const tip = document.createElement("div");
  let owner = null, timer = 0;
  Object.assign(tip, { id: "tip", hidden: true });
  tip.setAttribute("role", "tooltip");
  document.querySelector("main").append(tip);

  const linkOf = (event) => event.target.closest?.('[href^="#line-"]');
  const lineOf = (link) => document.getElementById(link.getAttribute("href").slice(1));

  function hide() {
    owner?.removeAttribute("aria-describedby");
    tip.hidden = true;
    owner = null;
  }

  function show(link) {
    clearTimeout(timer);
    const line = lineOf(link);
    if (link === owner || !line || line.contains(link)) return;
    hide();
    const copy = line.cloneNode(true);
    for (const one of copy.querySelectorAll(".uses, .marks")) one.remove();
    for (const one of [copy, ...copy.querySelectorAll("[href]")])
      for (const name of ["id", "href"]) one.removeAttribute(name);
    tip.replaceChildren(copy);
    tip.hidden = false;
    owner = link;
    link.setAttribute("aria-describedby", "tip");
    const at = link.getBoundingClientRect(), size = tip.getBoundingClientRect();
    const above = at.bottom + size.height + 8 > innerHeight && at.top > size.height + 8;
    const left = Math.max(8, Math.min(at.left, document.documentElement.clientWidth - size.width - 8));
    tip.style.left = `${left + scrollX}px`;
    tip.style.top = `${(above ? at.top - size.height - 5 : at.bottom + 5) + scrollY}px`;
  }

  function unfold() {
    const target = document.getElementById(location.hash.slice(1));
    for (let part = target?.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
    target?.scrollIntoView({ block: "center" });
  }

  // not every browser follows addresses in formulas
  addEventListener("click", (event) => {
    const link = linkOf(event);
    if (!link) return;
    hide();
    if (link.matches("a")) return;
    event.preventDefault();
    location.hash = link.getAttribute("href");
  });
  addEventListener("keydown", (event) => event.key === "Escape" && hide());
  const leave = () => { clearTimeout(timer); timer = setTimeout(hide, 200); };
  addEventListener("mouseover", (event) => {
    if (tip.contains(event.target)) clearTimeout(timer);
    else if (linkOf(event)) show(linkOf(event));
    else if (owner && owner !== document.activeElement) leave();
  });
  addEventListener("focusin", (event) => (linkOf(event) ? show(linkOf(event)) : hide()));
  addEventListener("focusout", hide);
  addEventListener("hashchange", unfold);
  if (location.hash) unfold();

  // what does not scroll is no stop for the keyboard
  const frames = document.querySelectorAll(".scroll, .wide");
  const measure = () => { for (const one of frames) one.tabIndex = one.scrollWidth > one.clientWidth ? 0 : -1; };
  addEventListener("resize", measure);
  measure();
})();

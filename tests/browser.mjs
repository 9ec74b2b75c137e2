// Opens pages in a headless Chromium and prints what it found as JSON.
//
// node browser.mjs NODE_MODULES audit VIEWS PAGE...   messages, requests and overflow of every page, wide and light and
//                                                    narrow and dark; axe, which takes its time, in VIEWS: wide,narrow
// node browser.mjs NODE_MODULES use PAGE              what a reader with a keyboard does with the page of the XOR example
import { createRequire } from "node:module";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [modules, command, ...words] = process.argv.slice(2);
const require = createRequire(join(modules, "/"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf-8");
const flags = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking";
const profile = mkdtempSync(join(tmpdir(), "calc-chromium-"));
const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: [...flags.split(" "), "--disable-component-update", "--disable-sync"],
  bypassCSP: true, // for axe, which is put into the page; the page's own policy is looked at by a test of its source
});

async function open(file, { width = 1280, colorScheme = "light", script = true } = {}) {
  const page = await browser.newPage();
  const heard = [];
  page.on("console", (message) => heard.push(message.text()));
  page.on("pageerror", (error) => heard.push(error.message));
  page.on("request", (request) => request.url().startsWith("file:") || heard.push(`request of ${request.url()}`));
  if (!script) await page.route("**/*", async (route) => {
    const body = readFileSync(new URL(route.request().url()), "utf-8").replace(/<script>[^]*<\/script>/, "");
    await route.fulfill({ body, contentType: "text/html; charset=utf-8" });
  });
  await page.setViewportSize({ width, height: 800 });
  await page.emulateMedia({ colorScheme });
  await page.goto(pathToFileURL(file).href);
  return { page, heard };
}

const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - innerWidth);

async function violations(page) {
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
  return found.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 200)}`));
}

const VIEWS = { wide: [1280, "light"], narrow: [360, "dark"] };

async function audit(file, inspected) {
  const found = [];
  for (const [view, [width, colorScheme]] of Object.entries(VIEWS)) {
    const { page, heard } = await open(file, { width, colorScheme });
    const beyond = await overflow(page);
    if (beyond > 0) found.push(`${width}: ${beyond} pixels beyond the window`);
    const wrong = inspected.includes(view) ? await violations(page) : [];
    for (const fault of [...wrong, ...heard]) found.push(`${width} ${colorScheme}: ${fault}`);
    await page.close();
  }
  return found;
}

async function use(file) {
  const found = {};
  const { page, heard } = await open(file);
  const focused = (text) => page.evaluate((text) => document.activeElement.matches(text), text);
  const visible = (text) => page.locator(text).evaluate((one) => getComputedStyle(one).visibility === "visible" && one.checkVisibility());
  const result = "#line-6 .result >> nth=-1";

  await page.keyboard.press("Tab"); // the switch comes first
  found.switchFirst = await focused("#hide");
  found.resultAtFirst = await visible(result);
  await page.keyboard.press("Space");
  found.resultHidden = !(await visible(result));
  found.formulaStays = await visible("#line-6 .right mi >> nth=0");
  found.givenStays = await visible("#part-1 td .value >> nth=0");
  await page.locator("#line-6 .number").focus();
  await page.keyboard.press("Enter");
  found.lineShown = (await visible(result)) && new URL(page.url()).hash === "#line-6";
  found.othersHidden = !(await visible("#line-5 .result >> nth=-1"));
  await page.locator("#hide").focus();
  await page.keyboard.press("Space");

  await page.locator("#line-5 .number").focus(); // a line's number shows where its quantities come from
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab"); // to the number again, since the line is where the reader now is
  await page.keyboard.press("Tab");
  const link = page.locator('#line-5 .uses [href="#line-2"]');
  found.nextStop = await link.evaluate((one) => one === document.activeElement);
  found.tip = await page.locator("#tip").innerText();
  found.described = (await link.getAttribute("aria-describedby")) === "tip";
  await page.keyboard.press("Escape");
  found.tipGone = !(await page.locator("#tip").isVisible());
  await page.locator("#part-2 > details > summary").focus();
  await page.keyboard.press("Enter");
  found.folded = !(await visible("#line-1"));
  await page.locator("#line-7").evaluate((one) => one.closest("details").querySelector("summary").focus());
  await page.keyboard.press("Space");
  found.stepFolded = !(await visible("#line-7"));
  await page.evaluate(() => (location.hash = "#line-2")); // a link into what is folded unfolds it
  await page.waitForFunction(() => document.querySelector("#line-2").checkVisibility());
  found.unfolded = await visible("#line-2");
  await page.evaluate(() => (location.hash = "#line-5"));
  await page.locator('#line-5 .uses [href="#line-2"]').focus();
  await page.keyboard.press("Enter");
  found.followed = new URL(page.url()).hash === "#line-2" && (await page.locator("#line-2").isVisible());
  await page.mouse.move(0, 0);
  const symbol = page.locator('#line-5 math [href="#line-4"]');
  await symbol.hover();
  found.tipOfMouse = await page.locator("#tip").innerText();
  await symbol.click();
  found.symbolFollowed = new URL(page.url()).hash === "#line-4";

  found.brokenLinks = await page.evaluate(() =>
    [...document.querySelectorAll("[href^='#']")].filter((one) => !document.getElementById(one.getAttribute("href").slice(1))).length);
  await page.setViewportSize({ width: 360, height: 800 });
  await page.waitForTimeout(100);
  found.stopsAreWide = await page.evaluate(() =>
    [...document.querySelectorAll(".scroll")].every((one) => (one.tabIndex === 0) === (one.scrollWidth > one.clientWidth)));
  const plain = await open(file, { script: false });
  await plain.page.check("#hide");
  found.worksheetWithoutScript = await plain.page.locator(result).evaluate((one) => getComputedStyle(one).visibility === "hidden");
  found.pdf = (await page.pdf({ preferCSSPageSize: true })).toString("base64");
  found.heard = [...heard, ...plain.heard];
  return found;
}

const report = command === "use" ? await use(words[0]) : {};
if (command === "audit") for (const file of words.slice(1)) report[file] = await audit(file, words[0].split(","));
await browser.close();
rmSync(profile, { recursive: true, force: true });
console.log(JSON.stringify(report));

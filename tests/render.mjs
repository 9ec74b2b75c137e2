// Reads pages of Markdown as their hosts do, sets every formula, and prints what it found as JSON.
//
// node render.mjs NODE_MODULES PAGES.json   of [{name, dialect, page}, …] makes [{name, dialect, formulas, faults}, …]
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [modules, file] = process.argv.slice(2);
const require = createRequire(join(modules, "/"));
const katex = require("katex");
const MarkdownIt = require("markdown-it");
const { marked } = require("marked");
const { mathjax } = require("mathjax-full/js/mathjax.js");
const { TeX } = require("mathjax-full/js/input/tex.js");
const { SVG } = require("mathjax-full/js/output/svg.js");
const { liteAdaptor } = require("mathjax-full/js/adaptors/liteAdaptor.js");
const { RegisterHTMLHandler } = require("mathjax-full/js/handlers/html.js");
require("mathjax-full/js/input/tex/base/BaseConfiguration.js");
require("mathjax-full/js/input/tex/ams/AmsConfiguration.js");

// What GitHub refuses by name, besides the packages of MathJax that it leaves out; base and ams alone are fewer still.
const REFUSED = /\\(operatorname|h?phantom|vphantom|f?colorbox|definecolor|unicode|mathchoice|mmlToken|def|let|newcommand)/;

RegisterHTMLHandler(liteAdaptor());
const tex = new TeX({
  packages: ["base", "ams"],
  formatError: (_, error) => { throw error; },
});
const mathJax = mathjax.document("", { InputJax: tex, OutputJax: new SVG({ fontCache: "none" }) });
const byMathJax = (formula, display) => mathJax.convert(formula, { display });
const byKatex = (formula, display) =>  // the limits of GitLab and Gitea
  katex.renderToString(formula, { displayMode: display, throwOnError: true, strict: "error", maxSize: 20, maxExpand: 1000 });

/** Formulas recur; what has been set without an error is not set again. */
function once(set) {
  const done = new Set();
  return (formula, display) => {
    if (done.has(`${display} ${formula}`)) return;
    set(formula, display);
    done.add(`${display} ${formula}`);
  };
}

const [mathJaxOnce, katexOnce] = [once(byMathJax), once(byKatex)];
const SETTERS = { none: [mathJaxOnce, katexOnce], github: [mathJaxOnce], gitlab: [katexOnce], jupyter: [mathJaxOnce], plain: [] };
const PLAIN_TOKENS = /^(heading|paragraph|inline|bullet_list|list_item|table|thead|tbody|tr|th|td|text|softbreak|fence|code_inline)/;

/** Formulas between dollars are taken out before Markdown is read, as notebooks do. */
function betweenDollars(page, faults) {
  const found = [];
  const kept = page.replace(/\$\$([^$]+)\$\$|\$([^$\n]+)\$/g, (_, block, inline) => {
    found.push({ formula: block ?? inline, display: block !== undefined });
    if (inline !== undefined && inline.trim() !== inline) faults.push(`space inside $…$: ${inline}`);
    return `@@${found.length - 1}@@`;
  });
  if (/[$\\]/.test(kept)) faults.push(`left over: ${/.*[$\\].*/.exec(kept)[0]}`);
  const html = marked.parse(kept);
  found.forEach((_, i) => {
    if (html.split(`@@${i}@@`).length !== 2) faults.push(`formula ${i} is lost in Markdown`);
  });
  for (const tag of html.match(/<(em|strong|a|code|del|img|pre)\b/g) ?? []) faults.push(`unwanted ${tag}`);
  return [found, kept];
}

/** Formulas in code between dollars, and in fences. */
function inCode(page, faults, dialect) {
  const found = [];
  const walk = (tokens) => tokens.forEach((token, i) => {
    if (!PLAIN_TOKENS.test(token.type)) faults.push(`unwanted ${token.type}: ${token.content}`);
    if (token.type === "fence") {
      if (token.info !== (dialect === "plain" ? "text" : "math")) faults.push(`fence ${token.info}`);
      else if (dialect !== "plain") found.push({ formula: token.content, display: true });
    }
    if (token.type === "code_inline") {
      const dollars = tokens[i - 1]?.content.endsWith("$") && tokens[i + 1]?.content.startsWith("$");
      if (dollars) found.push({ formula: token.content, display: false });
      else if (/[$\\]/.test(token.content)) faults.push(`a formula as code: ${token.content}`);
    }
    if (token.type === "text") {
      let text = token.content;
      if (tokens[i + 1]?.type === "code_inline") text = text.replace(/\$$/, "");
      if (tokens[i - 1]?.type === "code_inline") text = text.replace(/^\$/, "");
      if (/[$\\]/.test(text)) faults.push(`left over: ${text}`);
    }
    walk(token.children ?? []);
  });
  walk(new MarkdownIt({ html: true }).parse(page, {}));
  return [found, page];
}

/** Every row of a table has as many cells as its head; hosts drop what is more. */
function checkTables(page, faults) {
  let width = 0;
  for (const line of page.split("\n")) {
    const cells = line.startsWith("|") ? line.split("|").length : 0;
    if (width && cells && cells > width) faults.push(`a row with more cells than its head: ${line}`);
    width = cells ? width || cells : 0;
  }
}

const pages = JSON.parse(readFileSync(file, "utf8"));
const reports = pages.map(({ name, dialect, page }) => {
  const faults = [];
  const [found, text] = ["none", "jupyter"].includes(dialect) ? betweenDollars(page, faults) : inCode(page, faults, dialect);
  checkTables(text, faults);
  for (const { formula, display } of found) {
    for (const set of SETTERS[dialect]) {
      try {
        set(formula, display);
      } catch (error) {
        faults.push(`${error.message}: ${formula}`);
      }
    }
    if (dialect !== "jupyter" && formula.length > 1000) faults.push(`${formula.length} characters: ${formula}`);
    if (dialect === "github" && REFUSED.test(formula)) faults.push(`refused by name: ${formula}`);
  }
  const cost = found.reduce((sum, { formula }) => sum + formula.split("{").length, 0);
  if (dialect === "github" && cost > 2000) faults.push(`${cost} formulas and braces`);
  if (dialect === "gitlab" && found.length > 1000) faults.push(`${found.length} formulas`);
  return { name, dialect, formulas: found.length, faults };
});
process.stdout.write(JSON.stringify(reports));

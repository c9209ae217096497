// Opens the page of a fleet in Debian's Chromium, works it as a person with a keyboard would, and prints what was seen.
//   node look.mjs PAGE FOLDER NAME     screenshots go to FOLDER
import { chromium } from "playwright-core";
import { pathToFileURL } from "node:url";

const [page_, folder, name] = process.argv.slice(2);
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: [...quiet, "--disable-sync"] });
const seen = { errors: [], requests: [], dialogs: 0 };

async function open(options) {
  const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
  const page = await context.newPage();
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("request", (request) => seen.requests.push(request.url()));
  page.on("dialog", (dialog) => { seen.dialogs += 1; dialog.dismiss(); });
  const start = Date.now();
  await page.goto(pathToFileURL(page_).href);
  seen.milliseconds ??= Date.now() - start;
  return page;
}
const shot = (page, kind) => page.screenshot({ path: `${folder}/${name}-${kind}.png` });
const colour = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
const names = (page) => page.locator("tbody tr:not([hidden]) summary").allTextContents();
const tab = (page) => page.keyboard.press("Tab");
const focused = (page) => page.evaluate(() => {
  const style = getComputedStyle(document.activeElement);
  return { tag: document.activeElement.tagName, text: document.activeElement.textContent, outline: style.outlineStyle };
});

const page = await open({ colorScheme: "light" });
await shot(page, "light");
seen.light = await colour(page);
seen.names = await names(page);
seen.scripts = await page.locator("script").count();
seen.images = await page.locator("img, iframe, object, embed").count();
seen.handlers = await page.evaluate(
  () => [...document.querySelectorAll("*")].flatMap((one) => [...one.attributes]).filter((one) => /^on/.test(one.name)).length,
);
seen.links = await page.evaluate(() => [...document.links].map((one) => one.protocol));

// the keyboard alone: what is focused is seen, and its order is the page's
seen.focus = [];
for (let step = 0; step < 24; step += 1) {
  await tab(page);
  seen.focus.push(await focused(page));
}
const heads = page.locator("thead th");
seen.sorts = {};
for (const [place, heading] of (await heads.allTextContents()).entries()) {
  await heads.nth(place).locator("button").focus();
  const keys = () => page.locator(`tbody tr > :nth-child(${place + 1})`).evaluateAll((cells) => cells.map((one) => one.dataset.key));
  await page.keyboard.press("Enter");
  const up = { sort: await heads.nth(place).getAttribute("aria-sort"), keys: await keys() };
  await page.keyboard.press("Space");
  const down = { sort: await heads.nth(place).getAttribute("aria-sort"), keys: await keys() };
  seen.sorts[heading] = { up, down, sorted: await page.locator("thead th[aria-sort]").count() };
}

// search, filter, and back
const wanted = seen.names.at(-1) ?? "nothing";
await page.locator("#search").fill(wanted);
seen.found = { wanted, names: await names(page), count: await page.locator("#count").textContent() };
await page.locator("#clear").press("Enter");
seen.all = { names: (await names(page)).length, count: await page.locator("#count").textContent() };
const box = page.locator("input[name=state]").first();
if (await box.count()) {
  await box.press("Space");
  const states = page.locator("tbody tr:not([hidden])");
  seen.filtered = { state: await box.getAttribute("value"), states: await states.evaluateAll((rows) => rows.map((one) => one.dataset.state)) };
  await page.locator("tbody tr:not([hidden]) summary").first().press("Enter");
  await shot(page, "filtered");
}

// the theme: what the system wants, then what the button says, also after a reload
await page.locator("#theme").press("Enter");
seen.toggled = { colour: await colour(page), pressed: await page.locator("#theme").getAttribute("aria-pressed") };
await page.reload();
seen.kept = await colour(page);
const dark = await open({ colorScheme: "dark" });
seen.dark = await colour(dark);
await shot(dark, "dark");

// a telephone, and nobody's script
const narrow = await open({ viewport: { width: 390, height: 844 } });
seen.sideways = await narrow.evaluate(() => document.documentElement.scrollWidth - innerWidth);
await shot(narrow, "narrow");
const plain = await open({ javaScriptEnabled: false });
seen.plain = (await plain.locator("tbody tr").count()) - 0;
seen.controls = await plain.locator("#controls").isVisible();

// what the policy of the page refuses although it is in the page
seen.injected = await page.evaluate(() => {
  const script = document.createElement("script");
  script.textContent = "window.ran = true";
  document.body.append(script);
  return "ran" in window;
});
console.log(JSON.stringify(seen));
await browser.close();

// The console in a real browser: from an empty installation to the first order by clicks alone, then everything a person
// mends. Called by `run`, with the sandbox's program as its argument. Pictures of the pages go to `SCREENSHOTS`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";
import { payloads } from "./payloads.mjs";

const [program] = process.argv.slice(2);
const pictures = process.env.SCREENSHOTS ?? "target/screenshots";
mkdirSync(pictures, { recursive: true });
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const FORM = "700000000000001";
const SCALE = "20"; // of the product's own waits, for the review

// ---- The sandbox

/** Starts an empty installation and reads where it is and what its simulators want to be told. */
async function start() {
  const child = spawn(program, ["--port", "0", "--demo-leads", "0", "--time-scale", SCALE], {
    stdio: ["ignore", "pipe", "ignore"],
    env: { ...process.env, REMONLINE_MIN_INTERVAL_MS: "5" },
  });
  const told = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const said = line.match(/^\s*(Console|RemOnline|Meta|API key|Page id|Page token)\s+(\S+)/);
    if (said) told[said[1]] = said[2];
    if (line.startsWith("Ctrl-C")) break;
  }
  assert.ok(told.Console, "the sandbox did not start");
  const simulator = (url) => new URL("/_sim/", url).href;
  return { child, url: told.Console, key: told["API key"], page: told["Page id"], token: told["Page token"],
    remonline: simulator(told.RemOnline), meta: simulator(told.Meta) };
}

async function call(method, url, body) {
  const answer = await fetch(url, { method, body: body && JSON.stringify(body), headers: { "content-type": "application/json" } });
  assert.ok(answer.ok, `${method} ${url}: ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
}

const sandbox = await start();
process.on("exit", () => sandbox.child.kill("SIGKILL"));
await call("POST", `${sandbox.remonline}settings`, { rate_limited: false });
const submit = async (answers) => (await call("POST", `${sandbox.meta}leads`, { form_id: FORM, answers })).id;

// ---- The browser

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync"],
});
const faults = [];
const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1200, height: 900 } });
await context.addInitScript(() => {
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (event) => window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
});
const page = await context.newPage();
page.setDefaultTimeout(20_000);
page.on("pageerror", (error) => faults.push(`script failed: ${error.message}`));
page.on("console", (message) => message.type() === "error" && !/status of 4\d\d/.test(message.text()) && faults.push(message.text()));
page.on("dialog", (dialog) => (dialog.type() === "confirm" ? dialog.accept() : faults.push(`dialog: ${dialog.message()}`)));
page.on("request", (request) => request.url().startsWith(sandbox.url) || request.url().startsWith("data:") || faults.push(`asks elsewhere: ${request.url()}`));

const go = (path) => page.goto(new URL(path, sandbox.url).href);
const press = (name) => page.getByRole("button", { name, exact: true }).first().click();
const follow = (name) => page.getByRole("link", { name, exact: true }).first().click();
const sees = (text) => page.getByText(text).first().waitFor();

/** Nothing was blocked, nothing failed, and axe finds nothing serious. */
async function sound(name) {
  assert.deepEqual(await page.evaluate(() => window.violations), [], `${name}: the policy was violated`);
  await page.evaluate(axe); // beside the page's own scripts, so its policy does not forbid it
  const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const serious = found.violations.filter((it) => ["serious", "critical"].includes(it.impact));
  assert.deepEqual(serious.map((it) => `${it.id}: ${it.nodes.map((node) => node.html).slice(0, 3).join(" ")}`), [], name);
  await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true });
}

/** Reloads until the lead's page says so. */
async function until(address, text) {
  for (let tries = 0; tries < 120; tries += 1) {
    await go(address);
    if (await page.locator("h1").getByText(text, { exact: true }).count()) return;
    await page.waitForTimeout(250);
  }
  assert.fail(`${address} does not become ${text}: ${await page.locator("main").innerText()}`);
}

const steps = [];
async function step(name, work) {
  const begin = performance.now();
  try {
    await work();
  } catch (error) {
    await page.screenshot({ path: `${pictures}/failed.png`, fullPage: true });
    console.error(`FAILED  ${name}, at ${page.url()}:\n${await page.locator("body").innerText()}`);
    throw error;
  }
  steps.push(`${name} (${((performance.now() - begin) / 1000).toFixed(1)} s)`);
  console.log(`ok  ${steps.at(-1)}`);
}

let bundle;

await step("from an empty installation to the first order, by clicks alone", async () => {
  await go("/");
  await sound("home-empty");
  await follow("Connect RemOnline with an API key");
  await page.getByLabel("Title").fill("My shop");
  await page.getByLabel("API key").fill("not-the-key-of-anybody");
  await press("Try it and save");
  await sees("RemOnline refused the API key.");
  await sound("connect-refused");
  await page.getByLabel("API key").fill(sandbox.key);
  await press("Try it and save");
  await sees("Connected: the key works.");
  await sound("connection");
  await follow("Overview");
  await follow("Connect the Facebook page");
  await page.getByLabel("Title").fill("My page");
  await page.getByLabel("Page id").fill(sandbox.page);
  await page.getByLabel("Page token").fill(sandbox.token);
  await press("Try it and save");
  await sees("Connected: the key works.");
  await press("Check now");
  await sees("What the check found");
  await sound("doctor");
  await follow("Overview");
  await follow("Make a bundle: which form becomes which client and order");
  await sound("bundle-begin");
  await page.getByLabel("Form", { exact: true }).selectOption(FORM);
  await press("Go on");
  await page.getByLabel("Title").fill("Screens");
  await page.getByLabel("Branch", { exact: true }).selectOption({ index: 1 });
  await page.getByLabel("Order type", { exact: true }).selectOption({ index: 1 });
  await sound("bundle-edit");
  await press("Save");
  await sees("The bundle is made.");
  bundle = new URL(page.url()).pathname;
  await page.getByLabel("Повне ім'я").fill("Olena Koval");
  await page.getByLabel("Номер телефону").fill("+380995550147");
  await press("Try it with these answers");
  await sees("a new client would be created");
  await sees("a new order would be created");
  await sound("bundle-preview");
  await go(bundle);
  await press("Start");
  await sees("Started: its leads run.");
  await go("/history");
  const lead = await submit({ full_name: "Olena Koval", phone_number: "+380995550147", "what_is_broken?": "Screen" });
  await page.locator(`a[href="/history${bundle.replace("/bundles", "")}/${lead}"]`).waitFor(); // comes by itself
  await until(`/history${bundle.replace("/bundles", "")}/${lead}`, "Done");
  await sees("Create the order");
  await sound("lead-done");
  const orders = (await call("GET", `${sandbox.remonline}state`)).orders;
  assert.equal(orders.filter((order) => JSON.stringify(order).includes(`[fb:${lead}:`)).length, 1);
});

const leadOf = (lead) => `/history${bundle.replace("/bundles", "")}/${lead}`;

await step("a parked lead is mended", async () => {
  await go(`${bundle}/edit`);
  const type = page.getByLabel("Order type", { exact: true });
  const right = await type.inputValue();
  await type.selectOption("=");
  await page.locator('[name="order.fields.order_type_id.text"]').fill("{{ answers.city }}");
  await press("Save");
  await sees("Saved as a new version.");
  const lead = await submit({ full_name: "Taras Melnyk", phone_number: "+380995550148", city: "Kyiv" });
  await until(leadOf(lead), "Parked");
  await sees("What to do:");
  await sound("lead-parked");
  await go("/");
  await page.getByRole("link", { name: /leads that need a correction/ }).click();
  await sound("history-parked");
  await go(`${bundle}/edit`);
  await page.getByLabel("Order type", { exact: true }).selectOption(right);
  await press("Save");
  await go("/history?state=parked");
  await press("Retry all that match");
  await sees("1 leads are set going.");
  await until(leadOf(lead), "Done");
  await go(`${bundle}/versions`);
  await sound("versions");
});

await step("a review is decided", async () => {
  await call("POST", `${sandbox.remonline}faults`, { method: "POST", path: "/v2/orders", exact: true, times: null, effect: { status: { code: 500 } } })
    .catch(() => call("POST", `${sandbox.remonline}faults`, { method: "POST", path: "/v2/orders", times: null, effect: { status: { code: 500 } } }));
  const lead = await submit({ full_name: "Ivan Bondar", phone_number: "+380995550149" });
  await until(leadOf(lead), "In review");
  await call("DELETE", `${sandbox.remonline}faults`);
  await sound("lead-review");
  await press("RemOnline has nothing of it: create");
  await sees("Decided.");
  await until(leadOf(lead), "Done");
});

const PAGES = ["/", "/history", "/bundles", bundle, `${bundle}/edit`, `${bundle}/versions`, "/bundles/new", "/bundles/import",
  "/connections", "/connections/my-shop", "/connections/meta", "/connections/new/remonline", "/connections/new/facebook",
  "/unrouted", "/findings", "/erase"];

await step("three languages", async () => {
  for (const [name, tag, title] of [["Українська", "uk", "Стан справ"], ["Русский", "ru", "Состояние дел"], ["English", "en", "How things stand"]]) {
    await go("/");
    await follow(name);
    assert.equal(await page.locator("html").getAttribute("lang"), tag);
    assert.equal(await page.locator("h1").innerText(), title);
    for (const path of PAGES) {
      await go(path);
      const untold = (await page.locator("body").innerText()).split(/\s/).filter((word) => /^[a-z]+(-[a-z_]+)+$/.test(word) && word !== "my-shop" && word !== "my-page" && word !== "e-mail");
      assert.deepEqual(untold.filter((word) => !/^(leadgen|page)/.test(word)), [], `${path} in ${tag}`);
      if (tag === "en") await sound(`page${path.replaceAll("/", "-")}`);
    }
    await go("/");
    await sound(`home-${tag}`);
  }
});

await step("a phone's screen", async () => {
  await page.setViewportSize({ width: 360, height: 740 });
  for (const path of [...PAGES, leadOf((await call("GET", `${sandbox.url}api/transactions?limit=1`)).items[0].leadgen_id)]) {
    await go(path);
    const [needs, has] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.ok(needs <= has, `${path} is ${needs} wide on a screen of ${has}`);
  }
  await go("/history");
  await sound("history-phone");
  await page.setViewportSize({ width: 1200, height: 900 });
});

await step("keyboard only", async () => {
  await go("/");
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  const focus = async (wanted) => {
    for (let tabs = 0; tabs < 60; tabs += 1) {
      await page.keyboard.press("Tab");
      if (await page.evaluate((wanted) => document.activeElement.matches(wanted), wanted)) return;
    }
    assert.fail(`${wanted} is not reached by Tab`);
  };
  await go("/connections/my-shop");
  await focus("#title");
  await page.keyboard.press("Control+A");
  await page.keyboard.type("My shop");
  await page.keyboard.press("Enter");
  await sees("Renamed.");
  await go("/history");
  await focus("#state");
  await page.keyboard.press("D");
  await focus("main button");
  await page.keyboard.press("Enter");
  await page.waitForURL(/state=done/);
});

await step(`${payloads.length} hostile texts, none run`, async () => {
  const leads = [];
  for (let at = 0; at < payloads.length; at += 4) {
    const [name, broken, city, email] = payloads.slice(at, at + 4);
    leads.push(await submit({ full_name: name, "what_is_broken?": broken ?? "", city: city ?? "", email: email ?? "" }));
  }
  for (let tries = 0; ; tries += 1) {
    const { items } = await call("GET", `${sandbox.url}api/transactions?limit=200`);
    if (leads.every((lead) => items.some((it) => it.leadgen_id === lead && ["done", "parked"].includes(it.state)))) break;
    assert.ok(tries < 240, "the hostile leads do not end");
    await page.waitForTimeout(250);
  }
  for (const path of ["/history", ...leads.flatMap((lead) => [`${leadOf(lead)}?reveal=true`])]) {
    await go(path);
    assert.deepEqual(await page.evaluate(() => [window.violations, window.executed ?? 0]), [[], 0], path);
  }
  const shown = await page.locator("main").innerText();
  assert.ok(shown.includes(payloads.at(-4) ?? payloads.at(-1)), "what was typed is shown as text");
});

await step("weight of a first visit", async () => {
  for (const path of ["/", "/history", bundle]) {
    const visitor = await browser.newContext();
    const visit = await visitor.newPage();
    const weights = [];
    visit.on("response", (response) => weights.push(response.body().then((body) => body.length)));
    const begin = performance.now();
    const answer = await visit.goto(new URL(path, sandbox.url).href, { waitUntil: "load" });
    const { responseStart, requestStart } = answer.request().timing();
    const bytes = (await Promise.all(weights)).reduce((sum, weight) => sum + weight, 0);
    console.log(`    ${path}: ${(bytes / 1000).toFixed(0)} kB, first byte after ${(responseStart - requestStart).toFixed(0)} ms, loaded after ${(performance.now() - begin).toFixed(0)} ms`);
    assert.ok(bytes < 100_000, `${path} weighs ${bytes}`);
    await visitor.close();
  }
});

assert.deepEqual(faults, []);
await browser.close();
sandbox.child.kill("SIGTERM");
console.log(`${steps.length} walks, pictures in ${pictures}`);
process.exit(0);

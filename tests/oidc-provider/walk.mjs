// Signs in to the console of a real sandbox through a real OpenID Connect provider, and does what a browser would do.
// The only argument is the sandbox's program.
import assert from "node:assert/strict";
import { Browser, CLIENT, issuer, sandbox, logIn, token } from "./provider.mjs";

async function walk(issuer, home) {
  const browser = new Browser();
  const call = (from, path, method, headers) =>
    from.request(`${home}${path}`, { method, headers: { accept: "*/*", ...headers } });
  const api = async () => (await call(browser, "/api/connections", "GET")).status;
  const step = (what) => process.stdout.write(`ok: ${what}\n`);

  assert.equal((await fetch(`${home}/api/health`)).status, 200);
  assert.equal(await api(), 401);
  step("a stranger sees that the console is there, and nothing else");

  const asked = `${home}/leads?state=parked`;
  const back = await logIn(browser, await browser.request(asked), `${home}/sign-in/callback`);
  assert.equal(await api(), 401, "the issuer's word alone is no session");
  const stranger = await new Browser().request(back);
  assert.equal(stranger.status, 400, "the way back serves no other browser");
  const done = await browser.request(back);
  assert.deepEqual([done.status, done.location], [303, asked]);
  assert.equal(await api(), 200);
  step("olena signs in at the provider and is back on the page that she asked for");

  assert.equal((await browser.request(back)).status, 400);
  step("the way back serves once");

  for (const [headers, status] of [[{ origin: "https://evil.example" }, 403], [{}, 403], [{ origin: home }, 404]]) {
    assert.equal((await call(browser, "/api/connections/none/pause", "POST", headers)).status, status);
  }
  step("what changes something has to come from a page of the console");

  const out = await browser.request(`${home}/sign-out`, { method: "POST", headers: { origin: home } });
  assert.equal(out.status, 303);
  assert.equal(await api(), 401);
  const confirm = await browser.follow(out);
  const ended = await browser.follow(await browser.submit(confirm, { logout: "yes" }));
  assert.deepEqual([ended.status, ended.url], [200, `${home}/signed-out`], ended.text);
  const again = await browser.follow(await browser.request(`${home}/sign-in`));
  assert.match(again.text, /name="login"/, "the provider's own session is over too");
  step("olena signs out, here and at the provider");

  const [own, other] = [await token(issuer, home, CLIENT), await token(issuer, home, "other")];
  const program = async (token) =>
    (await call(new Browser(), "/api/connections", "GET", { authorization: `Bearer ${token}` })).status;
  assert.equal(await program(own), 200);
  assert.equal(await program(other), 401);
  const [header, claims, signature] = own.split(".");
  const none = Buffer.from('{"alg":"none"}').toString("base64url");
  const changed = JSON.stringify({ ...JSON.parse(Buffer.from(claims, "base64url")), sub: "boss" });
  const boss = Buffer.from(changed).toString("base64url");
  for (const forged of [`${none}.${claims}.`, `${header}.${boss}.${signature}`, `${header}.${claims}.`]) {
    assert.equal(await program(forged), 401);
  }
  step("a program is let in by a token for this client, and by no other");
}

const provider = await issuer();
try {
  const { url, log, close } = await sandbox(process.argv[2], provider.url);
  try {
    provider.serve(url);
    await walk(provider.url, url);
    assert.doesNotMatch(log(), /shop\.example|olena|[?&]code=|eyJ/, "who it was and what was said stay out of the log");
  } catch (error) {
    process.stderr.write(log());
    throw error;
  } finally {
    await close();
  }
} finally {
  provider.close();
}

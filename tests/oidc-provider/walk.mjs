// Signs in to the console of a real sandbox through a real OpenID Connect provider, and does what a browser would do.
// The only argument is the sandbox's program.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const CLIENT = "console";

// The provider says at every start what must not stay so in production.
console.info = console.warn = () => {};

/** A browser that follows no redirect by itself and keeps cookies, which know no ports. */
class Browser {
  cookies = new Map();

  async request(url, { method = "GET", headers = {}, form } = {}) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await fetch(url, {
      method,
      redirect: "manual",
      headers: { accept: "text/html", ...(cookie && { cookie }), ...headers },
      body: form && new URLSearchParams(form),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(/; */);
      const [name, value] = [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)];
      const expires = attributes.find((attribute) => /^expires=/i.test(attribute))?.slice(8);
      const isOver = attributes.some((attribute) => /^max-age=0$/i.test(attribute));
      if (!value || isOver || (expires && new Date(expires) <= new Date())) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const location = answer.headers.get("location");
    return { url, status: answer.status, location: location && new URL(location, url).href, text: await answer.text() };
  }

  /** Follows redirects until a page is shown, or the next address is `until`'s. */
  async follow(answer, until = () => false) {
    while (answer.location && !until(answer.location)) answer = await this.request(answer.location);
    return answer;
  }

  /** Sends the page's form with what a person fills in. */
  submit(page, filled = {}) {
    const [, action] = page.text.match(/<form[^>]* action="([^"]+)"/) ?? assert.fail(page.text);
    const form = {};
    for (const [input] of page.text.matchAll(/<input[^>]*>/g)) {
      const [name, value] = ["name", "value"].map((key) => input.match(new RegExp(`${key}="([^"]*)"`))?.[1]);
      if (name && /type="hidden"/.test(input)) form[name] = value ?? "";
    }
    const origin = new URL(page.url).origin;
    const address = new URL(action, page.url).href;
    return this.request(address, { method: "POST", headers: { origin }, form: { ...form, ...filled } });
  }
}

/** The provider, whose clients are known only when the console's address is. */
async function issuer() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const url = `http://127.0.0.1:${server.address().port}`;
  const serve = (home) => {
    const client = (client_id) => ({
      client_id,
      token_endpoint_auth_method: "none",
      redirect_uris: [`${home}/sign-in/callback`],
      post_logout_redirect_uris: [`${home}/signed-out`],
    });
    const provider = new Provider(url, {
      clients: [client(CLIENT), client("other")],
      claims: { openid: ["sub"], email: ["email"] },
      conformIdTokenClaims: false,
      cookies: { keys: [randomBytes(32).toString("hex")] },
      findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id}@shop.example` }) }),
    });
    server.on("request", provider.callback());
  };
  return { url, serve, close: () => server.close() && server.closeAllConnections() };
}

/** A sandbox in which this issuer's people may sign in. */
async function sandbox(program, issuer) {
  const environment = { ...process.env, OIDC_ISSUER: issuer, OIDC_CLIENT_ID: CLIENT };
  const flags = ["--port", "0", "--demo-leads", "0"];
  const child = spawn(program, flags, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (data) => (log += data));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const url = await new Promise((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (data) => {
      const found = (said += data).match(/http:\/\/127\.0\.0\.1:\d+/);
      if (found) resolve(found[0]);
    });
    ended.then((status) => reject(new Error(`the sandbox ended with ${status}: ${said}${log}`)));
  });
  return { url, log: () => log, close: () => child.kill("SIGTERM") && ended };
}

/** From the provider's first page to the address that it sends the browser back to. */
async function logIn(browser, page, back) {
  const isBack = (address) => address.startsWith(back);
  page = await browser.follow(page, isBack);
  for (let pages = 0; pages < 3 && !page.location; pages++) {
    assert.equal(page.status, 200, page.text);
    const asked = /name="login"/.test(page.text) ? { login: "olena", password: "any" } : {};
    page = await browser.follow(await browser.submit(page, asked), isBack);
  }
  return page.location ?? assert.fail(page.text);
}

/** An ID token as a program gets it: by a sign-in of its own for `client`. */
async function token(issuer, home, client) {
  const metadata = await (await fetch(`${issuer}/.well-known/openid-configuration`)).json();
  const verifier = randomBytes(32).toString("base64url");
  const redirect_uri = `${home}/sign-in/callback`;
  const query = new URLSearchParams({
    client_id: client, redirect_uri, response_type: "code", scope: "openid", nonce: "n", state: "s",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256",
  });
  const browser = new Browser();
  const back = await logIn(browser, await browser.request(`${metadata.authorization_endpoint}?${query}`), redirect_uri);
  const code = new URL(back).searchParams.get("code");
  const form = { grant_type: "authorization_code", client_id: client, code, redirect_uri, code_verifier: verifier };
  const request = { method: "POST", body: new URLSearchParams(form) };
  const answer = await (await fetch(metadata.token_endpoint, request)).json();
  return answer.id_token ?? assert.fail(JSON.stringify(answer));
}

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

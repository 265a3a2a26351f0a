// A real OpenID Connect provider in front of a real sandbox, and a browser's and a program's way through it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

export const CLIENT = "console";

// The provider says at every start what must not stay so in production.
console.info = console.warn = () => {};

/** A browser that follows no redirect by itself and keeps cookies, which know no ports. */
export class Browser {
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
export async function issuer() {
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
export async function sandbox(program, issuer) {
  const environment = { ...process.env, OIDC_ISSUER: issuer, OIDC_CLIENT_ID: CLIENT };
  const flags = ["--port", "0", "--demo-leads", "0"];
  const child = spawn(program, flags, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (data) => (log += data));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  let said = "";
  const url = await new Promise((resolve, reject) => {
    child.stdout.on("data", (data) => {
      said += data;
      const found = said.match(/Console +(http:\/\/127\.0\.0\.1:\d+)/);
      if (found && said.includes("Ctrl-C")) resolve(found[1]);
    });
    ended.then((status) => reject(new Error(`the sandbox ended with ${status}: ${said}${log}`)));
  });
  return { url, log: () => log, said: () => said, close: () => child.kill("SIGTERM") && ended };
}

/** From the provider's first page to the address that it sends the browser back to. */
export async function logIn(browser, page, back) {
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
export async function token(issuer, home, client) {
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

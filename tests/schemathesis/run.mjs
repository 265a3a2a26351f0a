// Has schemathesis call everything that the API's description allows, and what it forbids, on a sandbox with sign-in, two
// connections and a bundle. Arguments: the sandbox's program, schemathesis's program, and whatever it is to be told.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { CLIENT, issuer, sandbox, token } from "../oidc-provider/provider.mjs";

const [program, schemathesis, ...more] = process.argv.slice(2);
const provider = await issuer();
const { url, said, close } = await sandbox(program, provider.url);
provider.serve(url);
const authorization = `Bearer ${await token(provider.url, url, CLIENT)}`;

async function call(path, body) {
  const answer = await fetch(`${url}${path}`, { method: "POST", headers: { authorization }, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${path}: ${await answer.text()}`);
}
const told = (what) => said().match(new RegExp(`${what} +(\\S+)`))?.[1] ?? assert.fail(`the sandbox does not say its ${what}`);
await call("/api/connections", { id: "shop", kind: "remonline", title: "Shop", api_key: told("API key") });
await call("/api/connections", { id: "page", kind: "facebook", title: "Page", page_id: told("Page id"), page_token: told("Page token") });
await call("/api/bundles", {
  id: "screens", title: "Screens", source: { connection: "page", form_id: "*" },
  client: { connection: "shop", fields: { first_name: "{{ contact.first_name }}", phone: "{{ contact.phone }}" } },
});
await call("/api/bundles/screens/start");

const config = fileURLToPath(new URL("schemathesis.toml", import.meta.url));
const flags = ["--config-file", config, "run", `${url}/api/openapi.json`, "--checks", "all", "--header", `Authorization: ${authorization}`,
  "--no-color", "--seed", "1", ...more];
const status = await new Promise((resolve) => spawn(schemathesis, flags, { stdio: "inherit" }).once("exit", resolve));
await close();
provider.close();
process.exit(status ?? 1);

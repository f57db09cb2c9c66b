/** Who are you: a name and a password, or the company's single sign-on. */

import { html, useState } from "../vendor/preact.js";
import { ask, session } from "../core/api.js";
import { useCell } from "../core/cell.js";
import { Field } from "../parts/form.js";
import { Failure } from "../parts/notice.js";

export default function SignIn() {
  const { sign_in: ways } = useCell(session);
  const [user, setUser] = useState("");
  const [password, setPassword] = useState("");
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  const enter = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      session.set(await ask("signIn", { body: { user, password } }));
    } catch (raised) {
      setError(raised);
      setBusy(false);
    }
  };
  return html`<main class="sign-in">
    <img src="mark.svg" width="56" height="56" alt="" />
    <h1>Ottla console</h1>
    ${ways.oidc && html`<a class="button primary" href=${`${ways.oidc.login}?return=${encodeURIComponent(location.pathname + location.hash)}`}>Sign in with ${ways.oidc.name}</a>`}
    ${ways.oidc && ways.password && html`<p class="muted">or</p>`}
    ${ways.password && html`<form onSubmit=${enter}>
      <${Field} label="Name" autocomplete="username" required value=${user} onChange=${setUser} />
      <${Field} label="Password" type="password" autocomplete="current-password" required value=${password} onChange=${setPassword} />
      <${Failure} error=${error} />
      <button type="submit" class="primary" disabled=${busy}>${busy ? "Working…" : "Sign in"}</button>
    </form>`}
    ${!ways.oidc && !ways.password && html`<${Failure} error=${{ message: "Nobody can sign in here.", hint: "The console's config asks for it, and names neither users nor a provider." }} />`}
  </main>`;
}

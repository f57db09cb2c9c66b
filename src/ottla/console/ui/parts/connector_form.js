/** A connector's config, a field for each of its settings, with what the worker says of each as it is written. */

import { html, useEffect, useMemo, useState } from "../vendor/preact.js";
import { ask } from "../core/api.js";
import { Check, Field } from "./form.js";
import { Failure, Notice, Waiting } from "./notice.js";
import { Panel } from "./page.js";
import { parseConfigs } from "./topic_dialogs.js";

const TYPED_MS = 400;

/** `first`: what is set at the beginning; `save(config)` is awaited, and what it raises is shown. */
export function ConnectorForm({ pluginClass, first, act, disabled = false, save, children }) {
  const [config, setConfig] = useState(first);
  const [extra, setExtra] = useState(null);
  const [verdict, setVerdict] = useState(null);
  const [error, setError] = useState(null);
  const [all, setAll] = useState(false);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    const abort = new AbortController();
    const check = () => ask("validateConnector", { names: { class: pluginClass }, body: { config: { ...config, "connector.class": pluginClass } }, signal: abort.signal })
      .then((answer) => { setVerdict(answer); setError(null); }, (raised) => raised.name !== "AbortError" && setError(raised));
    const timer = setTimeout(check, verdict ? TYPED_MS : 0);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [config, pluginClass]);
  const known = useMemo(() => new Set(verdict?.configs.map((each) => each.name)), [verdict]);
  const set = (name, value) => setConfig((before) => {
    const { [name]: _, ...rest } = before;
    return value === "" && name !== "name" ? rest : { ...rest, [name]: value };
  });
  const send = async (event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await save({ ...config, ...(extra === null ? {} : parseConfigs(extra)) });
    } catch (raised) {
      setError(raised);
    } finally {
      setBusy(false);
    }
  };
  if (!verdict) return error ? html`<${Failure} error=${error} />` : html`<${Waiting} what="Asking the worker what it needs" />`;
  const others = Object.entries(config).filter(([name]) => !known.has(name)).map(([name, value]) => `${name}=${value}`).join("\n");
  const groups = groupsOf(verdict, config, all);
  return html`<form class="connector-form" onSubmit=${send}>
    ${groups.map(([group, fields]) => html`<${Panel} key=${group} title=${group}>${fields.map((each) => html`<${Setting} key=${each.name} setting=${each} value=${config[each.name]} onChange=${(value) => set(each.name, value)} />`)}<//>`)}
    <${Check} label="All settings, not only those that are needed or set" checked=${all} onChange=${setAll} />
    <${Panel} title="Settings that the class does not tell"><${Field} label="More settings" rows=${4} value=${extra ?? others} onChange=${setExtra} placeholder="transforms.route.regex=…" hint="Of transformations, converters, clients: one a line, name=value." /><//>
    ${children}
    <${Failure} error=${error} />
    <p class="bar sticky"><button type="submit" class="primary" disabled=${busy || disabled}>${busy ? "Working…" : act}</button>
      <span role="status" class=${verdict.error_count ? "field-error" : "fine"}>${verdict.error_count ? `${verdict.error_count} to mend` : "The worker finds nothing wrong."}</span></p>
    ${disabled && html`<${Notice} kind="warn">Your role, or read-only mode, does not allow to change it.<//>`}
  </form>`;
}

function groupsOf(verdict, config, all) {
  const groups = new Map();
  for (const each of [...verdict.configs].sort((one, other) => one.order - other.order)) {
    const needed = each.required || each.errors.length > 0 || each.importance === "HIGH" || each.name in config;
    if (each.name === "connector.class" || each.visible === false || !(all || needed)) continue;
    const group = each.group || "Settings";
    if (!groups.has(group)) groups.set(group, []);
    groups.get(group).push(each);
  }
  const order = verdict.groups ?? [];
  return [...groups].sort(([one], [other]) => order.indexOf(one) - order.indexOf(other));
}

function Setting({ setting, value, onChange }) {
  const shown = value ?? setting.value ?? "";
  const hint = [setting.documentation, setting.default_value !== null && setting.default_value !== undefined && setting.default_value !== "" ? `By default ${setting.default_value}.` : null].filter(Boolean).join(" ");
  const recommended = setting.recommended_values ?? [];
  let options;
  if (setting.type === "BOOLEAN") options = [["", "as by default"], "true", "false"];
  else if (recommended.length > 0 && setting.type !== "LIST") options = [["", "as by default"], ...recommended];
  return html`<${Field} label=${`${setting.display_name || setting.name}${setting.required ? " (needed)" : ""}`} hint=${html`<code>${setting.name}</code> ${hint}`} error=${setting.errors.join(" ") || null}
    value=${shown} options=${options} onChange=${onChange} type=${setting.type === "PASSWORD" ? "password" : "text"} inputmode=${/INT|LONG|SHORT/.test(setting.type) ? "numeric" : undefined} autocomplete=${setting.type === "PASSWORD" ? "new-password" : "off"} />`;
}

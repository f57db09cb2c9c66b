/** Registers a schema; whether it is compatible is said before. */

import { html, useState } from "../vendor/preact.js";
import { ask } from "../core/api.js";
import { FormDialog } from "./dialog.js";
import { Field } from "./form.js";
import { Failure } from "./notice.js";
import { tell } from "./toast.js";

/** `latest`: the schema that it is to follow, of a subject that there is; otherwise the subject is asked for. */
export function RegisterDialog({ latest, types, onClose, onDone }) {
  const [subject, setSubject] = useState(latest?.subject ?? "");
  const [type, setType] = useState(latest?.schema_type ?? types[0]);
  const [text, setText] = useState(latest?.readable ?? "");
  const [references, setReferences] = useState(latest?.references?.length ? JSON.stringify(latest.references) : "");
  const [verdict, setVerdict] = useState(null);
  const [error, setError] = useState(null);
  const bodyOf = () => ({ schema: text, schema_type: type, references: references ? parse(references) : [] });
  const check = async () => {
    setError(null);
    try {
      setVerdict(await ask("checkSchema", { names: { subject }, body: bodyOf() }));
    } catch (raised) {
      setError(raised);
    }
  };
  const submit = async () => {
    const schema = await ask("registerSchema", { names: { subject }, body: bodyOf() });
    tell(`${schema.subject} has version ${schema.version}, schema ${schema.id}.`);
    onDone(schema);
  };
  const write = (next) => {
    setText(next);
    setVerdict(null);
  };
  return html`<${FormDialog} title=${latest ? `New version of ${latest.subject}` : "Register a schema"} act="Register" wide=${true} disabled=${!subject || !text} onClose=${onClose} submit=${submit}>
    ${!latest && html`<div class="pair"><${Field} label="Subject" first=${true} value=${subject} onChange=${setSubject} hint="orders-value: of the values of topic orders." /><${Field} label="Type" value=${type} options=${types} onChange=${setType} /></div>`}
    <${Field} label="Schema" rows=${16} first=${Boolean(latest)} value=${text} onChange=${write} />
    <${Field} label="References" value=${references} onChange=${setReferences} placeholder='[{"name": "Address", "subject": "address-value", "version": 1}]' />
    <p class="bar"><button type="button" disabled=${!subject || !text} onClick=${check}>Check compatibility</button>
      ${verdict && html`<strong role="status" class=${verdict.compatible ? "fine" : "field-error"}>${verdict.compatible ? "Compatible" : "Not compatible"}</strong>`}</p>
    ${verdict && !verdict.compatible && html`<ul class="messages-list">${verdict.messages.map((message) => html`<li key=${message}>${message}</li>`)}</ul>`}
    <${Failure} error=${error} />
  <//>`;
}

function parse(references) {
  try {
    return JSON.parse(references);
  } catch (error) {
    throw Object.assign(new Error(`The references are no JSON: ${error.message}`), { hint: 'A list of {"name", "subject", "version"}.' });
  }
}

/**
 * What the pages take from others: Preact 10.29.8 with its hooks, and htm 3.1.1, as npm has them (`dist/*.module.js`; in the
 * hooks the name "preact" is a path). Licences: LICENSES.txt.
 */

import { Component, h, render } from "./preact.module.js";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./hooks.module.js";
import htm from "./htm.module.js";

export const html = htm.bind(h);
export { Component, render, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState };

// An app's own OpenAPI schema: its routes, and what each of them takes. Nothing in it is believed to be well formed.

const METHODS = ['post', 'get', 'put', 'patch', 'delete', 'head', 'options'];
const DEEPEST = 12;
/** How many routes, and values of an example, are taken from a schema; and how deep parts of a node are put together. */
const MOST = 500;
const MOST_DEEP = 3;
const isObject = (found) => found !== null && typeof found === 'object' && !Array.isArray(found);
const listed = (found) => (Array.isArray(found) ? found : []);

/** Follow references within the schema; an empty object where they lead nowhere, or in a circle. */
export function resolved(schema, node) {
  for (let step = 0; step < DEEPEST && isObject(node); step += 1) {
    if (typeof node.$ref !== 'string') return node;
    let found = schema;
    for (const name of node.$ref.replace(/^#\/?/, '').split('/').filter(Boolean)) {
      found = isObject(found) || Array.isArray(found) ? found[decoded(name)] : undefined;
    }
    node = found;
  }
  return {};
}

function decoded(name) {
  try { name = decodeURIComponent(name); } catch { /* it is meant so */ }
  return name.replaceAll('~1', '/').replaceAll('~0', '~');
}

/**
 * The routes of an app: `{method, path, summary, parameters, body}`; `body` is null or `{media, node, example}`.
 * `prefix` is the path that the endpoint is served under: some apps have it in each of their routes.
 */
export function operations(schema, prefix) {
  const found = [];
  if (!isObject(schema) || !isObject(schema.paths)) return found;
  for (const [written, item] of Object.entries(schema.paths)) {
    const route = resolved(schema, item);
    const path = written.startsWith(prefix) && /^(\/|$)/.test(written.slice(prefix.length)) ? written.slice(prefix.length) : written;
    for (const method of METHODS) {
      const operation = route[method];
      if (!isObject(operation) || found.length >= MOST) continue;
      const parameters = new Map();
      for (const each of [...listed(route.parameters), ...listed(operation.parameters)].map((one) => resolved(schema, one))) {
        if (typeof each.name === 'string') parameters.set(`${each.in} ${each.name}`, each);
      }
      found.push({
        method: method.toUpperCase(),
        path: path || '/',
        summary: String(operation.summary ?? operation.operationId ?? ''),
        parameters: [...parameters.values()],
        body: body(schema, operation),
      });
    }
  }
  return found;
}

const MEDIA = ['application/json', 'multipart/form-data', 'application/x-www-form-urlencoded'];

function body(schema, operation) {
  const { content } = resolved(schema, operation.requestBody);
  if (!isObject(content)) return null;
  const names = Object.keys(content);
  const media = MEDIA.find((each) => names.includes(each)) ?? names.find((each) => /[/+]json\b/.test(each)) ?? names[0];
  if (media === undefined) return null;
  const held = isObject(content[media]) ? content[media] : {};
  const named = Object.values(isObject(held.examples) ? held.examples : {}).map((each) => resolved(schema, each)).find((each) => 'value' in each);
  return { media, node: held.schema ?? {}, example: 'example' in held ? held.example : named?.value };
}

/**
 * What a node is: `{kind, node, nullable}`, where `kind` is object, array, choice, number, integer, boolean, string, file,
 * or any, for what no form is drawn of. An object has `fields`, an array `items`, a choice `choices`.
 */
export function described(schema, given, depth = 0) {
  let node = resolved(schema, given);
  if (Array.isArray(node.allOf)) node = merged(schema, node);
  let nullable = node.nullable === true;
  const ways = [...listed(node.anyOf), ...listed(node.oneOf)].map((each) => resolved(schema, each));
  if (ways.length) {
    const rest = ways.filter((each) => each.type !== 'null');
    nullable ||= rest.length < ways.length;
    if (rest.length !== 1) return { kind: 'any', node, nullable };
    const { anyOf, oneOf, ...own } = node;
    node = { ...rest[0], ...own };
    if (Array.isArray(node.allOf)) node = merged(schema, node);
  }
  if ('const' in node) return { kind: 'choice', node, nullable, choices: [node.const] };
  if (Array.isArray(node.enum)) return { kind: 'choice', node, nullable: nullable || node.enum.includes(null), choices: node.enum.filter((each) => each !== null) };
  const types = (Array.isArray(node.type) ? node.type : [node.type]).filter((each) => each !== undefined);
  nullable ||= types.includes('null');
  const plain = types.filter((each) => each !== 'null');
  const type = plain.length === 1 ? plain[0] : plain.length ? 'any' : isObject(node.properties) ? 'object' : 'any';
  if (depth > 5) return { kind: 'any', node, nullable };
  if (type === 'object') {
    if (!isObject(node.properties)) return { kind: 'any', node, nullable };
    const required = listed(node.required);
    const fields = Object.entries(node.properties).map(([name, each]) => ({ name, node: each, required: required.includes(name) }));
    return { kind: 'object', node, nullable, fields };
  }
  if (type === 'array') return isObject(node.items) ? { kind: 'array', node, nullable, items: node.items } : { kind: 'any', node, nullable };
  if (type === 'string' && (node.format === 'binary' || node.contentMediaType)) return { kind: 'file', node, nullable };
  return { kind: ['number', 'integer', 'boolean', 'string'].includes(type) ? type : 'any', node, nullable };
}

function merged(schema, node, depth = 0) {
  const given = node.allOf.slice(0, 50).map((each) => resolved(schema, each));
  const parts = given.map((each) => (Array.isArray(each.allOf) && depth < MOST_DEEP ? merged(schema, each, depth + 1) : each));
  const { allOf, ...own } = node;
  const all = [...parts, own];
  return {
    ...Object.assign({}, ...all),
    properties: Object.assign({}, ...all.map((each) => (isObject(each.properties) ? each.properties : {}))),
    required: all.flatMap((each) => listed(each.required)),
  };
}

/** A value that a node may have: its example or default, or the simplest of its kind. */
export function example(schema, given, depth = 0, budget = { left: MOST }) {
  budget.left -= 1;
  if (budget.left < 0) return null;
  const { kind, node, fields, items, choices } = described(schema, given, depth);
  for (const known of ['example', 'default']) if (node[known] !== undefined) return node[known];
  if (listed(node.examples).length) return node.examples[0];
  if (kind === 'choice') return choices[0];
  if (kind === 'object') {
    const needed = fields.filter((each) => each.required || 'default' in resolved(schema, each.node));
    return Object.fromEntries(needed.map((each) => [each.name, depth > 4 ? null : example(schema, each.node, depth + 1, budget)]));
  }
  if (kind === 'array') return depth > 4 ? [] : [example(schema, items, depth + 1, budget)];
  if (kind === 'number' || kind === 'integer') return number(node);
  if (kind === 'boolean') return true;
  if (kind === 'string' || kind === 'file') return FORMATS[node.format] ?? 'text';
  const way = [...listed(node.anyOf), ...listed(node.oneOf)].find((each) => resolved(schema, each).type !== 'null');
  return way && depth < 5 ? example(schema, way, depth + 1, budget) : {};
}

const FORMATS = { date: '2026-01-31', 'date-time': '2026-01-31T12:00:00Z', email: 'user@example.com', uuid: '00000000-0000-4000-8000-000000000000', uri: 'https://example.com/' };

function number(node) {
  const { least, most } = limits(node);
  if (least !== null) return least + (node.exclusiveMinimum !== undefined ? (node.multipleOf ?? 1) : 0);
  return most !== null && most < 1 ? most : 1;
}

/** What a number may be: `{least, most, over, under}`, each null where there is no such limit; the last two are excluded. */
export function limits(node) {
  const number_ = (found) => (typeof found === 'number' ? found : null);
  let [least, most] = [number_(node.minimum), number_(node.maximum)];
  let [over, under] = [number_(node.exclusiveMinimum), number_(node.exclusiveMaximum)];
  // Until OpenAPI 3.1 these said whether the others are meant so.
  if (node.exclusiveMinimum === true) [least, over] = [null, least];
  if (node.exclusiveMaximum === true) [most, under] = [null, most];
  return { least: least ?? over, most: most ?? under, over, under };
}

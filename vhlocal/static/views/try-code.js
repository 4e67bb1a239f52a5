// A request as others write it: for a shell, for Python, for the editors' `.http` files.
// A request is `{method, url, endpoint, headers, body}`; `body` is null, `{text}`, `{file}` or `{entries}`.

const LONGEST_WORD = 100_000;
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;
const inQuotes = (text) => `"${text.replace(/["\\]/g, '\\$&')}"`;
const kindOf = (file) => file.type || 'application/octet-stream';

export function curl({ method, url, headers, body }) {
  const lines = [`curl --path-as-is --globoff ${method === 'HEAD' ? '--head' : `-X ${method}`} ${quoted(url)}`];
  for (const [name, value] of headers) lines.push(`-H ${quoted(value === '' ? `${name};` : `${name}: ${value}`)}`);
  if (body?.entries) {
    for (const [name, value] of body.entries) {
      if (typeof value === 'string') lines.push(`--form-string ${quoted(`${name}=${value}`)}`);
      else lines.push(`-F ${quoted(`${name}=@${inQuotes(value.name)};type=${kindOf(value)};filename=${inQuotes(value.name)}`)}`);
    }
  } else if (body?.file) lines.push(`--data-binary ${quoted(`@${body.file.name}`)}`);
  else if (body) lines.push(body.text.length < LONGEST_WORD ? `--data-raw ${quoted(body.text)}` : "--data-binary '@body.txt'");
  return lines.join(' \\\n  ');
}

/** A text as a literal of Python, which reads every escape that JSON has. */
const literal = (text) => JSON.stringify(text);

export function python({ method, url, headers, body }) {
  const given = [`${literal(method)},`, `${literal(url)},`];
  if (headers.length) {
    given.push('headers={', ...headers.map(([name, value]) => `    ${literal(name)}: ${literal(value)}${ascii(value) ? '' : '.encode()'},`), '},');
  }
  if (body?.entries) {
    given.push('files=[', ...body.entries.map(([name, value]) => (typeof value === 'string'
      ? `    (${literal(name)}, (None, ${literal(value)})),`
      : `    (${literal(name)}, (${literal(value.name)}, open(${literal(value.name)}, "rb"), ${literal(kindOf(value))})),`)), '],');
  } else if (body?.file) given.push(`data=open(${literal(body.file.name)}, "rb"),`);
  else if (body) given.push(`data=${literal(body.text)}.encode(),`);
  return ['import requests', '', 'answer = requests.request(', ...given.map((line) => `    ${line}`), ')', 'print(answer.status_code)', 'print(answer.text)'].join('\n');
}

const ascii = (text) => /^[\u0000-\u007f]*$/.test(text);

export function http({ method, url, endpoint, headers, body }) {
  const fields = [...headers];
  const lines = [];
  if (body?.entries) {
    const boundary = 'vhlocal-try-it';
    fields.push(['Content-Type', `multipart/form-data; boundary=${boundary}`]);
    for (const [name, value] of body.entries) {
      lines.push(`--${boundary}`);
      const disposition = `Content-Disposition: form-data; name="${inForm(name)}"`;
      if (typeof value === 'string') lines.push(disposition, '', value);
      else lines.push(`${disposition}; filename="${inForm(value.name)}"`, `Content-Type: ${kindOf(value)}`, '', `< ./${value.name}`);
    }
    lines.push(`--${boundary}--`);
  } else if (body?.file) lines.push(`< ./${body.file.name}`);
  else if (body) lines.push(body.text);
  const target = url.slice(endpoint.length);
  const head = [`@endpoint = ${endpoint}`, '', `### ${method} ${target.split('?')[0] || '/'}`, `${method} {{endpoint}}${target}`];
  return [...head, ...fields.map(([name, value]) => `${name}: ${value}`), ...(lines.length ? ['', ...lines] : []), ''].join('\n');
}

const inForm = (text) => text.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');

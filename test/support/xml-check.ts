// A strict look at XML: what a parser that is not forgiving would refuse.

/** What is wrong with the document; empty if nothing is. */
export function xmlProblems(text: string): string[] {
  const problems: string[] = [];
  const open: string[] = [];
  let rest = text.replace(/^<\?xml [^?]*\?>\s*/, '');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones that XML forbids
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/u.test(text)) {
    problems.push('a letter that XML forbids');
  }
  while (rest !== '' && problems.length < 5) {
    if (!rest.startsWith('<')) {
      const end = rest.indexOf('<');
      const content = end < 0 ? rest : rest.slice(0, end);
      problems.push(...textProblems(content));
      if (open.length === 0 && content.trim() !== '') problems.push(`text outside: ${content}`);
      rest = rest.slice(content.length);
      continue;
    }
    const tag = /^<(\/?)([A-Za-z_][\w:.-]*)((?:\s+[A-Za-z_][\w:.-]*="[^"<]*")*)\s*(\/?)>/.exec(
      rest,
    );
    if (tag === null) return [...problems, `no tag: ${rest.slice(0, 60)}`];
    const [whole, slash, name, attributes, isEmpty] = tag as unknown as readonly string[];
    problems.push(...attributeProblems(attributes ?? ''));
    if (slash === '/') {
      if (open.pop() !== name) problems.push(`</${name}> closes something else`);
    } else if (isEmpty !== '/') {
      open.push(name ?? '');
    }
    rest = rest.slice((whole ?? '').length);
  }
  if (open.length > 0) problems.push(`not closed: ${open.join(' ')}`);
  return problems;
}

function textProblems(text: string): string[] {
  const withoutReferences = text.replaceAll(/&(?:amp|lt|gt|quot|apos|#\d+|#x[\da-f]+);/gi, '');
  return /[&<]/.test(withoutReferences) ? [`a bare & or <: ${text.slice(0, 60)}`] : [];
}

function attributeProblems(text: string): string[] {
  const names = [...text.matchAll(/\s([\w:.-]+)="/g)].map(([, name]) => name);
  const twice = names.length === new Set(names).size ? [] : [`an attribute twice: ${text}`];
  return [
    ...twice,
    ...[...text.matchAll(/="([^"]*)"/g)].flatMap(([, value]) => textProblems(value ?? '')),
  ];
}

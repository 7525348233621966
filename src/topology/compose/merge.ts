/**
 * Puts Compose files on top of each other, and services on those that they extend.
 * @source compose-spec 13-merge.md; compose-go override/merge.go
 */

export type Mapping = Readonly<Record<string, unknown>>;

/** Members that the later file replaces as a whole. */
const REPLACED = new Set(['command', 'entrypoint', 'test', 'extends', 'x-netsim']);
/** Lists of NAME=VALUE that count as mappings. */
const PAIRS = new Set(['environment', 'labels', 'extra_hosts', 'sysctls', 'annotations']);
/** Lists of names that count as mappings to nothing. */
const NAMES = new Set(['networks', 'depends_on']);

export function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `later` over `earlier`. */
export function mergeMappings(earlier: Mapping, later: Mapping): Mapping {
  const merged: Record<string, unknown> = { ...earlier };
  for (const [name, value] of Object.entries(later)) {
    merged[name] = name in earlier ? mergeMember(name, earlier[name], value) : value;
  }
  return merged;
}

function mergeMember(name: string, earlier: unknown, later: unknown): unknown {
  if (REPLACED.has(name) || later === null || earlier === null) return later ?? earlier;
  if (PAIRS.has(name)) return mergeMappings(pairsOf(earlier), pairsOf(later));
  if (NAMES.has(name)) return mergeMappings(namesOf(earlier), namesOf(later));
  if (isMapping(earlier) && isMapping(later)) return mergeMappings(earlier, later);
  const isList = Array.isArray(earlier) || Array.isArray(later);
  if (!isList) return later;
  const all = [...listOf(earlier), ...listOf(later)];
  const seen = new Set<string>();
  return all.filter((each) => {
    const key = JSON.stringify(each);
    const isNew = !seen.has(key);
    seen.add(key);
    return isNew;
  });
}

/** A list of a text or a list. */
export function listOf(value: unknown): unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

/** A mapping of `[A=1, B]` or of a mapping. */
export function pairsOf(value: unknown): Mapping {
  if (isMapping(value)) return value;
  return Object.fromEntries(
    listOf(value).map((each) => {
      const text = String(each);
      const at = text.search(/[=:]/);
      return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

/** A mapping of `[a, b]` or of a mapping. */
export function namesOf(value: unknown): Mapping {
  if (isMapping(value)) return value;
  return Object.fromEntries(listOf(value).map((each) => [String(each), null]));
}

import { isMap, isScalar, isSeq, LineCounter, Pair, Scalar, YAMLMap } from 'yaml';
import type { Alias, Document, Node } from 'yaml';

import { nearest } from './nearest';
import type { Problem } from './problems';

/** The file that sections are read from, and what is wrong in it so far. */
export interface Source {
  readonly document: Document;
  readonly lines: LineCounter;
  readonly problems: Problem[];
}

/** What a text may be: all of `pattern`, for example `example`. */
export interface TextRule {
  readonly pattern?: RegExp;
  readonly example?: string;
}

function kindOf(node: unknown): string {
  if (isMap(node)) return 'a section';
  if (isSeq(node)) return 'a list';
  const value = isScalar(node) ? node.value : undefined;
  if (value === null || value === undefined) return 'nothing';
  if (typeof value === 'string') return `the text \`${value.slice(0, 80)}\``;
  return `${typeof value === 'number' ? 'the number' : ''} \`${value}\``.trim();
}

/**
 * One map of a configuration file. Its readers note what is missing or wrong and then give back something harmless, so
 * that one reading finds all mistakes; who uses the values looks at `source.problems` first. Each key that is not read is
 * unknown: finish() tells.
 */
export class Section {
  private readonly read = new Set<string>();
  private readonly missing = new Set<string>();

  /** `path` is what the messages call it: `Stacks.RdsStack`. `at` is its key, where the message of a missing one points. */
  constructor(
    private readonly map: YAMLMap,
    readonly path: string,
    private readonly source: Source,
    private readonly at: Node = map,
  ) {}

  /** The keys that are there. */
  keys(): string[] {
    return this.map.items.map((pair) => String((pair.key as Scalar).value));
  }

  /** Where `key` stands; without it, where the section does. */
  placeOf(key?: string): { line: number; column: number } {
    const offset = (key === undefined ? undefined : this.pair(key)?.key.range?.[0]) ?? this.at.range?.[0] ?? 0;
    const { line, col } = this.source.lines.linePos(offset);
    return { line, column: col };
  }

  /** Notes a mistake at the value of `key`. */
  problem(key: string, message: string, hint?: string): void {
    this.note(this.pair(key)?.value as Node, message, hint);
  }

  text(key: string, rule: TextRule = {}): string {
    return this.scalar(key, 'a text', '', (value) => typeof value === 'string' && value !== '', rule);
  }

  /** A text, or null. */
  optionalText(key: string, rule: TextRule = {}): string | undefined {
    return this.isNull(key) ? undefined : this.text(key, rule);
  }

  integer(key: string, least: number, most: number): number {
    const value = this.scalar(key, 'a whole number', least, (given) => Number.isInteger(given));
    if (value < least || value > most) this.problem(key, `\`${key}\` must be from ${least} to ${most}, not ${value}`);
    return value;
  }

  number(key: string, least: number, most: number): number {
    const value = this.scalar(key, 'a number', least, (given) => typeof given === 'number');
    if (value < least || value > most) this.problem(key, `\`${key}\` must be from ${least} to ${most}, not ${value}`);
    return value;
  }

  flag(key: string): boolean {
    return this.scalar(key, 'true or false', false, (value) => typeof value === 'boolean');
  }

  choice<T extends string | number>(key: string, choices: readonly T[]): T {
    const node = this.value(key);
    if (node === undefined) return choices[0]!;
    const value = isScalar(node) ? node.value : undefined;
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    const near = typeof value === 'string' ? nearest(value, choices.map(String)) : undefined;
    this.note(
      node,
      `\`${key}\` must be one of ${choices.join(', ')}, not ${kindOf(node)}`,
      near && `did you mean \`${near}\`?`,
    );
    return choices[0]!;
  }

  /** A list of texts, each of which must be among `choices` where these are given. */
  texts(key: string, choices?: readonly string[], rule: TextRule = {}): string[] {
    const node = this.value(key);
    if (node === undefined) return [];
    if (!isSeq(node)) {
      this.note(node, `\`${key}\` must be a list, not ${kindOf(node)}`, `for example [${rule.example ?? choices?.[0] ?? 'a'}]`);
      return [];
    }
    return node.items.flatMap((item) => {
      const value = isScalar(item) ? item.value : undefined;
      const isRight = typeof value === 'string' && (rule.pattern?.test(value) ?? true);
      if (isRight && (!choices || choices.includes(value))) return [value];
      const near = typeof value === 'string' && choices ? nearest(value, choices) : undefined;
      const wanted = choices ? `one of ${choices.join(', ')}` : `a text${rule.example ? ` such as ${rule.example}` : ''}`;
      this.note(item as Node, `each of \`${key}\` must be ${wanted}, not ${kindOf(item)}`, near && `did you mean \`${near}\`?`);
      return [];
    });
  }

  /** All that is in the section, as texts by their keys. */
  allTexts(rule: TextRule = {}): Record<string, string> {
    return Object.fromEntries(this.keys().map((key) => [key, this.text(key, rule)]));
  }

  /** What `take` makes of the section `key`, all of whose keys it must read. */
  inner<T>(key: string, take: (section: Section) => T): T {
    const inner = this.section(key);
    const taken = take(inner);
    if (this.pair(key)) inner.finish();
    return taken;
  }

  /** The section `key`; an empty one where there is none. */
  section(key: string): Section {
    const node = this.value(key);
    const path = this.path ? `${this.path}.${key}` : key;
    if (isMap(node)) return new Section(node, path, this.source, this.pair(key)?.key as Node);
    if (node !== undefined) this.note(node, `\`${path}\` must be a section, not ${kindOf(node)}`);
    return new Section(new YAMLMap(), path, { ...this.source, problems: [] });
  }

  /** Notes each key that nobody read, and each one that was looked for and is not there. */
  finish(): void {
    for (const { key } of this.map.items as Pair<Scalar>[]) {
      const name = String(key.value);
      if (this.read.has(name)) continue;
      const near = nearest(name, this.read);
      if (near) this.missing.delete(near);
      const hint = near ? `did you mean \`${near}\`?` : `it has ${[...this.read].join(', ')}`;
      const message = this.path ? `\`${this.path}\` has no setting \`${name}\`` : `there is no part \`${name}\``;
      this.note(key, message, hint);
    }
    const here = this.path ? `\`${this.path}\`` : 'the file';
    for (const name of this.missing) this.note(this.at, `\`${name}\` is missing in ${here}`);
  }

  private pair(key: string): Pair<Scalar, Node | null> | undefined {
    return (this.map.items as Pair<Scalar, Node | null>[]).find((pair) => pair.key.value === key);
  }

  private isNull(key: string): boolean {
    const node = this.pair(key)?.value;
    if (!isScalar(node) || node.value !== null) return false;
    this.read.add(key);
    return true;
  }

  /** The value of `key`, aliases followed. */
  private value(key: string): Node | undefined {
    this.read.add(key);
    const pair = this.pair(key);
    if (!pair) {
      this.missing.add(key);
      return undefined;
    }
    const node = pair.value ?? new Scalar(null);
    return node.constructor.name === 'Alias' ? (node as Alias).resolve(this.source.document) : node;
  }

  private scalar<T>(key: string, wanted: string, instead: T, isRight: (value: unknown) => boolean, rule: TextRule = {}): T {
    const node = this.value(key);
    if (node === undefined) return instead;
    const value = isScalar(node) ? node.value : undefined;
    const example = rule.example && `for example ${rule.example}`;
    if (!isRight(value)) {
      const isUnquoted = wanted === 'a text' && (typeof value === 'number' || typeof value === 'boolean');
      this.note(node, `\`${key}\` must be ${wanted}, not ${kindOf(node)}`, isUnquoted ? 'write it in quotes' : example);
      return instead;
    }
    if (rule.pattern && !rule.pattern.test(String(value))) {
      this.note(node, `\`${key}\` cannot be \`${String(value).slice(0, 80)}\``, example);
      return instead;
    }
    return value as T;
  }

  private note(node: Node | null | undefined, message: string, hint?: string): void {
    const offset = node?.range?.[0] ?? this.at.range?.[0] ?? 0;
    const { line, col } = this.source.lines.linePos(offset);
    this.source.problems.push({ line, column: col, message, ...(hint ? { hint } : {}) });
  }
}

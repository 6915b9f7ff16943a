import { readFileSync } from 'node:fs';

import type { IConstruct } from 'constructs';
import { isMap, LineCounter, parseDocument, YAMLMap } from 'yaml';

import { nearest } from './nearest';
import { ConfigError } from './problems';
import type { Problem } from './problems';
import { Section } from './section';
import type { Source } from './section';

/** Where and as what the stacks are made. */
export interface Environment {
  readonly name: string;
  readonly account: string;
  readonly region: string;
  readonly projectName: string;
}

const kPrefixLength = 30; // the name of a bucket has 63 characters: prefix, "files-", account, "-", the longest region
const kTagText = /^(?!aws:)[\p{L}\p{N}\s_.:/=+\-@]{1,128}$/u;

const configsOfApp = new WeakMap<IConstruct, Configs>();

/**
 * The configuration of the stacks: `Tags`, `Environment` and `Stacks`, which has one section for each stack under the
 * stack's own name. All mistakes are ConfigErrors with file, line and, where one is near, the right name.
 */
export class Configs {
  readonly tags: Readonly<Record<string, string>>;
  readonly environment: Environment;
  private readonly stacks: Section;
  private readonly taken = new Set<string>();
  private readonly source: Source;

  /** Reads the file; its stacks' sections are read when they are asked for. */
  constructor(private readonly file: string) {
    const lines = new LineCounter();
    const document = parseDocument(this.text(), { lineCounter: lines, version: '1.2' });
    this.source = { document, lines, problems: [] };
    for (const error of document.errors) {
      const { line, col } = lines.linePos(error.pos[0]);
      this.source.problems.push({ line, column: col, message: error.message.split(/ at line |:?\n/)[0]! });
    }
    this.throwIfWrong();
    const root = isMap(document.contents) ? document.contents : new YAMLMap();
    const all = new Section(root, '', this.source);
    this.tags = all.inner('Tags', readTags);
    this.environment = all.inner('Environment', readEnvironment);
    this.stacks = all.section('Stacks');
    all.finish();
    this.throwIfWrong();
  }

  /** The configuration of the app that `scope` is part of. */
  static of(scope: IConstruct): Configs {
    const configs = configsOfApp.get(scope.node.root);
    if (!configs) throw new Error('this app has no configuration: call attach() first');
    return configs;
  }

  /** From now on of() finds it for everything in `app`. */
  attach(app: IConstruct): void {
    configsOfApp.set(app, this);
  }

  /** What the names of all things begin with: `project-name-`, in lower case. */
  get prefix(): string {
    return `${this.environment.projectName}-${this.environment.name}-`.toLowerCase();
  }

  /** What `read` makes of the section of the stack `name`. */
  settings<T>(name: string, read: (section: Section) => T): T {
    this.taken.add(name);
    const names = this.stacks.keys();
    if (!names.includes(name)) {
      const near = nearest(name, names);
      const place = this.stacks.placeOf(near);
      const hint = near ? `is \`${near}\` meant to be it?` : `add a section \`${name}\``;
      this.source.problems.push({ ...place, message: `the stack ${name} has no section in \`Stacks\``, hint });
      this.throwIfWrong();
    }
    const settings = this.stacks.inner(name, read);
    this.throwIfWrong();
    return settings;
  }

  /** Throws where a section belongs to no stack. Call it when all stacks are made. */
  expectAllTaken(): void {
    for (const name of this.stacks.keys()) {
      if (this.taken.has(name)) continue;
      const near = nearest(name, this.taken);
      const hint = near ? `did you mean \`${near}\`?` : `the stacks are ${[...this.taken].join(', ')}`;
      this.source.problems.push({ ...this.stacks.placeOf(name), message: `there is no stack \`${name}\``, hint });
    }
    this.throwIfWrong();
  }

  private text(): string {
    try {
      return readFileSync(this.file, 'utf8');
    } catch (error) {
      const message = `cannot be read: ${(error as Error).message}`;
      throw new ConfigError(this.file, [{ line: 1, column: 1, message, hint: 'name another file with -c config=FILE' }]);
    }
  }

  private throwIfWrong(): void {
    if (this.source.problems.length > 0) throw new ConfigError(this.file, this.source.problems as Problem[]);
  }
}

function readTags(section: Section): Record<string, string> {
  const rule = { pattern: kTagText, example: 'People Operations' };
  for (const key of ['ParentOrg', 'Department', 'App', 'Version']) section.text(key, rule);
  for (const key of section.keys())
    if (!kTagText.test(key)) section.problem(key, `\`${key}\` cannot be the key of a tag`, 'for example CostCenter');
  return section.allTexts(rule);
}

function readEnvironment(section: Section): Environment {
  const name = { pattern: /^[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*$/, example: 'dev' };
  const environment = {
    name: section.text('Name', name),
    account: section.text('Account', { pattern: /^\d{12}$/, example: '"111111111111", twelve digits in quotes' }),
    region: section.text('Region', { pattern: /^[a-z]{2}(-[a-z]+)+-\d$/, example: 'us-east-1' }),
    projectName: section.text('ProjectName', { ...name, example: 'rowgate' }),
  };
  const { length } = `${environment.projectName}-${environment.name}-`;
  if (length > kPrefixLength)
    section.problem(
      'ProjectName',
      `\`ProjectName-Name-\` has ${length} characters`,
      `names of buckets leave it ${kPrefixLength}`,
    );
  return environment;
}

/** A mistake in a configuration file; line and column count from 1. */
export interface Problem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** What to do about it. */
  readonly hint?: string;
}

/** All mistakes that were found, one a line: `FILE:LINE:COLUMN: message (hint)`. */
export class ConfigError extends Error {
  constructor(file: string, problems: readonly Problem[]) {
    const texts = [...problems]
      .sort((a, b) => a.line - b.line || a.column - b.column)
      .map(({ line, column, message, hint }) => `${file}:${line}:${column}: ${message}${hint ? ` (${hint})` : ''}`);
    super(texts.join('\n'));
    this.name = 'ConfigError';
  }
}

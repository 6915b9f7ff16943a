import type { SecretStringGenerator } from 'aws-cdk-lib/aws-secretsmanager';

/** All that Secrets Manager would put beside letters and digits. */
export const kPunctuation = '!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~';

/** A JSON secret: `members`, and `key` with `length` random letters and digits. */
export function lettersAndDigits(key: string, length: number, members: Record<string, string> = {}): SecretStringGenerator {
  return {
    secretStringTemplate: JSON.stringify(members),
    generateStringKey: key,
    passwordLength: length,
    excludeCharacters: kPunctuation,
  };
}

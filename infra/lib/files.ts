import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import type { LifecycleRule } from 'aws-cdk-lib/aws-s3';

import type { FileSettings } from './application_settings';
import type { ConfiguredStack } from './configured_stack';

/** What all keys of rowgate's files begin with: the `prefix` of `storage.url: s3://bucket/prefix`. */
export const kPrefix = 'rowgate';
/** Where files arrive by presigned PUT: `uploads/TABLE/...`. Each of them starts the function. */
export const kUploads = `${kPrefix}/uploads/`;

const kUploadDays = 8; // a file that arrived is loaded within minutes; those that failed stay to be looked at

/** The name of the bucket of rowgate's files, known before it is made: see addFiles(). */
export function bucketName(stack: ConfiguredStack): string {
  return `${stack.named('files')}-${stack.account}-${stack.region}`;
}

/** The bucket of rowgate's files and the one of its access logs. */
export function addFiles(stack: ConfiguredStack, settings: FileSettings): Bucket {
  const common = {
    encryption: BucketEncryption.S3_MANAGED,
    blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
    objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
    enforceSSL: true,
    minimumTLSVersion: 1.2,
    removalPolicy: RemovalPolicy.RETAIN, // reports and refused rows are never deleted with the stack
  };
  const logs = new Bucket(stack, 'AccessLogs', {
    ...common,
    bucketName: `${stack.named('logs')}-${stack.account}-${stack.region}`,
    lifecycleRules: [{ expiration: Duration.days(settings.logDays) }],
  });
  return new Bucket(stack, 'Files', {
    ...common,
    bucketName: bucketName(stack),
    versioned: true,
    serverAccessLogsBucket: logs,
    serverAccessLogsPrefix: 'files/',
    lifecycleRules: lifecycle(settings),
  });
}

function lifecycle(settings: FileSettings): LifecycleRule[] {
  const days = {
    [`${kPrefix}/reports/`]: settings.reportDays,
    [`${kPrefix}/rejects/`]: settings.rejectDays,
    [`${kPrefix}/sources/`]: settings.sourceDays,
    [kUploads]: kUploadDays,
  };
  return [
    ...Object.entries(days).map(([prefix, life]) => ({
      id: prefix.replace(/[/]$/, '').replace('/', '-'),
      prefix,
      expiration: Duration.days(life),
    })),
    {
      id: 'leftovers',
      abortIncompleteMultipartUploadAfter: Duration.days(1),
      noncurrentVersionExpiration: Duration.days(7),
    },
  ];
}

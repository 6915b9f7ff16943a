import type { Section } from './config/section';
import { kLogDays } from './configured_stack';

const kImage = /^[a-z0-9]+([._/-][a-z0-9]+)*$/;
const kUrl = { pattern: /^https:\/\/[\w.-]+(\/[\w.-]+)*$/, example: 'https://hr.example.org' };
const kTag = /^[\w][\w.-]{0,127}$/;

const lambdaSettings = (section: Section) => ({
  package: section.choice('package', ['zip', 'image']),
  imageRepository: section.optionalText('image_repository', { pattern: kImage, example: 'rowgate' }),
  imageTag: section.optionalText('image_tag', { pattern: kTag, example: '"0.1.0"' }),
  concurrency: section.integer('reserved_concurrent_executions', 1, 1000),
  timeout: section.integer('timeout', 1, 900),
  memory: section.integer('memory_size', 128, 10_240),
  storage: section.integer('storage_size', 512, 10_240),
  windowHours: section.integer('timewindow_hours', 1, 24),
  secretName: section.text('secret_name'),
  linkHours: section.integer('presigned_url_expiration_hours', 1, 168),
  logDays: section.choice('log_days', kLogDays),
});

const apiSettings = (section: Section) => ({
  stages: section.texts('stages', undefined, { pattern: /^[A-Za-z0-9_]{1,64}$/, example: 'dev' }),
  publicUrl: section.optionalText('public_url', kUrl),
  corsOrigin: section.text('cors_origin', { pattern: /^(\*|https?:\/\/[\w.:-]+)$/, example: 'https://app.example.org' }),
  needsKey: section.flag('needs_key'),
  requestsPerSecond: section.integer('requests_per_second', 1, 10_000),
  burst: section.integer('burst', 1, 5_000),
  requestsPerDay: section.integer('requests_per_day', 1, 100_000_000),
});

const fileSettings = (section: Section) => ({
  reportDays: section.integer('report_days', 8, 3650),
  rejectDays: section.integer('reject_days', 1, 3650),
  sourceDays: section.integer('source_days', 1, 3650),
  logDays: section.integer('log_days', 1, 3650),
});

const alarmSettings = (section: Section) => ({
  email: section.optionalText('email', { pattern: /^[^@\s]+@[^@\s]+$/, example: 'operators@example.org' }),
});

export type LambdaSettings = ReturnType<typeof lambdaSettings>;
export type ApiSettings = ReturnType<typeof apiSettings>;
export type FileSettings = ReturnType<typeof fileSettings>;

/** The settings of the application stack; `databaseSecret` is the name that the database stack gives its secret. */
export const applicationSettings = (databaseSecret: string) => (section: Section) => {
  const lambda = section.section('Lambda');
  const api = section.section('Api');
  const settings = {
    lambda: section.inner('Lambda', lambdaSettings),
    api: section.inner('Api', apiSettings),
    files: section.inner('Files', fileSettings),
    alarms: section.inner('Alarms', alarmSettings),
  };
  if (settings.lambda.secretName && settings.lambda.secretName !== databaseSecret)
    lambda.problem(
      'secret_name',
      `\`secret_name\` is \`${settings.lambda.secretName}\`, but the secret of the database is \`${databaseSecret}\``,
      'name the same one',
    );
  if (settings.lambda.package === 'image' && !(settings.lambda.imageRepository && settings.lambda.imageTag))
    lambda.problem('package', '`package: image` needs `image_repository` and `image_tag`');
  if (settings.api.stages.length === 0) api.problem('stages', '`stages` names no stage', 'for example [dev]');
  return settings;
};

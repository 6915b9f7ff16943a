import { Fn, RemovalPolicy, Stack, Tags } from 'aws-cdk-lib';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

import { Configs } from './config/configs';
import type { Section } from './config/section';

/** For how many days CloudWatch can keep logs. */
export const kLogDays = Object.values(RetentionDays).filter((days): days is number => typeof days === 'number' && days < 9999);

/**
 * A stack that takes its settings from the section of the configuration that has its name. The name is also that in
 * CloudFormation, whoever deploys it.
 */
export abstract class ConfiguredStack extends Stack {
  protected readonly configs: Configs;

  constructor(scope: Construct, name: string, description: string) {
    const configs = Configs.of(scope);
    const { account, region } = configs.environment;
    super(scope, name, { stackName: name, description, env: { account, region } });
    this.configs = configs;
    // Here and not once for the app: what is set there does not reach into the pipeline's stage.
    for (const [key, value] of Object.entries(configs.tags)) Tags.of(this).add(key, value);
  }

  /** By number, so that nothing has to be looked up in the account. */
  override get availabilityZones(): string[] {
    return [0, 1, 2].map((zone) => Fn.select(zone, Fn.getAzs()));
  }

  /** This stack's section. */
  protected settings<T>(read: (section: Section) => T): T {
    return this.configs.settings(this.stackName, read);
  }

  /** "project-env-NAME". */
  named(name: string): string {
    return `${this.configs.prefix}${name}`;
  }
}

/** For what can be made again: logs, queues, a database of a test environment. */
export const kDisposable = RemovalPolicy.DESTROY;

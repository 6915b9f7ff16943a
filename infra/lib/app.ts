import { relative, resolve } from 'node:path';

import { App, Validations } from 'aws-cdk-lib';
import type { AppProps } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import type { Construct } from 'constructs';

import { ApplicationStack } from './application_stack';
import { CicdStack, cicdSettings } from './cicd_stack';
import { Configs } from './config/configs';
import { NetworkingStack } from './networking_stack';
import { RdsStack } from './rds_stack';
import { ServiceStack, serviceSettings } from './service_stack';

const kDefaultConfigs = relative('', resolve(__dirname, '../config-files/configs.yaml')); // as it is shown in errors

/** Behaviours of the library that are off unless they are asked for. */
const kFlags = {
  '@aws-cdk/aws-iam:minimizePolicies': true,
  '@aws-cdk/core:enablePartitionLiterals': true,
  '@aws-cdk/core:defaultCrossStackReferences': 'strong',
  '@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy': true,
  '@aws-cdk/aws-codepipeline:crossAccountKeyAliasStackSafeResourceName': true,
  '@aws-cdk/pipelines:reduceStageRoleTrustScope': true,
  '@aws-cdk/pipelines:reduceCrossAccountActionRoleTrustScope': true,
};

/** The stacks that are deployed together, by hand or by the pipeline. */
export function addStacks(scope: Construct, withService = true): ApplicationStack {
  const configs = Configs.of(scope);
  const networking = new NetworkingStack(scope, 'NetworkingStack');
  const rds = new RdsStack(scope, 'RdsStack', networking);
  const application = new ApplicationStack(scope, 'GlobantPruebaStack', networking, rds);
  if (configs.settings('ServiceStack', serviceSettings).enabled && withService)
    new ServiceStack(scope, 'ServiceStack', networking, application);
  return application;
}

/**
 * All stacks as the configuration (`-c config=FILE`, else config-files/configs.yaml) has them, checked by cdk-nag.
 * Throws ConfigError and PackageError.
 */
export function buildApp(props: AppProps = {}): App {
  const app = new App({ ...props, context: { ...kFlags, ...props.context } });
  const named = app.node.tryGetContext('config') as string | undefined;
  const configs = new Configs(named ?? kDefaultConfigs);
  configs.attach(app);
  addStacks(app);
  if (configs.settings('CicdStack', cicdSettings).enabled) new CicdStack(app, 'CicdStack', addStacks);
  configs.expectAllTaken();
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}

import { Duration, RemovalPolicy, SecretValue, Stage } from 'aws-cdk-lib';
import { BuildSpec, Cache, CfnProject, ComputeType, LinuxBuildImage, LocalCacheMode } from 'aws-cdk-lib/aws-codebuild';
import type { IBuildImage } from 'aws-cdk-lib/aws-codebuild';
import { PipelineType } from 'aws-cdk-lib/aws-codepipeline';
import { GitHubTrigger } from 'aws-cdk-lib/aws-codepipeline-actions';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import type { CfnBucket } from 'aws-cdk-lib/aws-s3';
import { CodeBuildStep, CodePipeline, CodePipelineSource } from 'aws-cdk-lib/pipelines';
import type { Construct } from 'constructs';

import type { ApplicationStack } from './application_stack';
import type { Section } from './config/section';
import { ConfiguredStack } from './configured_stack';
import { acknowledge, acknowledgeStars } from './nag';

export const cicdSettings = (section: Section) => ({
  enabled: section.flag('enabled'),
  repository: section.text('repository', { pattern: /^[\w.-]+\/[\w.-]+$/, example: 'example-group/rowgate' }),
  branch: section.text('branch', { pattern: /^[\w./-]+$/, example: 'main' }),
  connectionArn: section.optionalText('connection_arn', {
    pattern: /^arn:aws[\w-]*:(codeconnections|codestar-connections):/,
    example: 'arn:aws:codeconnections:...',
  }),
  tokenSecret: section.text('token_secret', { pattern: /^[\w/+=.@-]+$/, example: 'github-token' }),
  buildImage: section.text('build_image', {
    pattern: /^[\w./-]+:[\w.-]+$/,
    example: 'public.ecr.aws/docker/library/node:22-bookworm',
  }),
  deployService: section.flag('deploy_service'),
});
type CicdSettings = ReturnType<typeof cicdSettings>;

/** Makes the stacks that are deployed within `scope`. */
export type AddStacks = (scope: Construct, withService: boolean) => ApplicationStack;

/** After every push: build, deploy the stacks, and ask the deployed API what it answers. */
export class CicdStack extends ConfiguredStack {
  constructor(scope: Construct, name: string, addStacks: AddStacks) {
    super(scope, name, 'rowgate: pipeline');
    const settings = this.settings(cicdSettings);
    const artifacts = new Bucket(this, 'Artifacts', {
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      removalPolicy: RemovalPolicy.DESTROY,
      lifecycleRules: [{ expiration: Duration.days(30) }],
    });
    acknowledge(artifacts, { S1: 'What a run hands from step to step; the pipeline itself is its log.' });
    const source = this.makeSource(settings);
    const image = LinuxBuildImage.fromDockerRegistry(settings.buildImage);
    const pipeline = new CodePipeline(this, 'Pipeline', {
      pipelineName: this.named('pipeline'),
      artifactBucket: artifacts,
      pipelineType: PipelineType.V2,
      crossAccountKeys: false,
      synth: new CodeBuildStep('Synth', {
        input: source,
        buildEnvironment: { buildImage: image, computeType: ComputeType.LARGE },
        timeout: Duration.hours(1),
        commands: ['./dev lambda', 'cd infra', 'npm ci', 'npx cdk synth --quiet --no-lookups'],
        primaryOutputDirectory: 'infra/cdk.out',
        cache: Cache.local(LocalCacheMode.CUSTOM),
        partialBuildSpec: BuildSpec.fromObject({ cache: { paths: ['/root/.cache/ccache/**/*', '/root/.npm/**/*'] } }),
      }),
    });
    const stage = new Stage(this, this.configs.environment.name);
    const application = addStacks(stage, settings.deployService);
    pipeline.addStage(stage, { post: [this.makeApiTest(source, image, application)] });
    pipeline.buildPipeline();
    this.acknowledgeRoles(artifacts);
  }

  /** The roles are those of CDK Pipelines; each star in them is named, so that a new one is seen. */
  private acknowledgeRoles(artifacts: Bucket): void {
    const bucket = this.getLogicalId(artifacts.node.defaultChild as CfnBucket);
    const actions = ['s3:Abort*', 's3:DeleteObject*', 's3:GetBucket*', 's3:GetObject*', 's3:List*'];
    const onArtifacts = [...actions.map((action) => `Action::${action}`), `Resource::<${bucket}.Arn>/*`];
    acknowledgeStars(this, onArtifacts, 'Each step reads what the one before made, and writes its own.');
    const { partition, region, account } = this;
    const here = (service: string, rest: string) => `Resource::arn:${partition}:${service}:${region}:${account}:${rest}`;
    const projects = this.node.findAll().filter((child) => child instanceof CfnProject);
    const names = projects.map((project) => this.getLogicalId(project));
    const own = names.flatMap((name) => [
      here('logs', `log-group:/aws/codebuild/<${name}>:*`),
      here('codebuild', `report-group/<${name}>-*`),
    ]);
    acknowledgeStars(this, own, 'A step writes its own logs and reports, whose names have numbers.');
    const assets = [here('logs', 'log-group:/aws/codebuild/*'), here('codebuild', 'report-group/*'), 'Resource::*'];
    acknowledgeStars(this, assets, 'The steps that publish assets share a role; cloudformation:DescribeStacks names none.');
    const keys = [`Resource::arn:${partition}:apigateway:${region}::/apikeys/*`];
    acknowledgeStars(this, keys, 'The id of the key is known when the stage is deployed, after this role.');
    const roles = [`Resource::arn:*:iam::${account}:role/*`];
    acknowledgeStars(this, roles, 'A condition narrows it to the roles that the bootstrap tagged for deployment.');
    acknowledge(this, {
      CB4: 'The artifacts are encrypted by S3 and live for 30 days; a key of their own would guard nothing more.',
      CB5: 'rowgate is built on Debian 12, which CodeBuild has no image of its own for.',
    });
  }

  private makeSource(settings: CicdSettings): CodePipelineSource {
    const { repository, branch, connectionArn } = settings;
    if (connectionArn) return CodePipelineSource.connection(repository, branch, { connectionArn });
    return CodePipelineSource.gitHub(repository, branch, {
      authentication: SecretValue.secretsManager(settings.tokenSecret),
      trigger: GitHubTrigger.WEBHOOK,
    });
  }

  /** The API test against what was just deployed; where it fails the pipeline does. */
  private makeApiTest(
    source: CodePipelineSource,
    buildImage: IBuildImage,
    application: ApplicationStack,
  ): CodeBuildStep {
    const { apiUrl, apiKeyId } = application;
    const withKey = apiKeyId
      ? ['export ROWGATE_KEY="$(aws apigateway get-api-key --api-key "$API_KEY_ID" --include-value --query value --output text)"']
      : [];
    return new CodeBuildStep('ApiTest', {
      input: source,
      buildEnvironment: { buildImage, computeType: ComputeType.SMALL },
      timeout: Duration.minutes(30),
      envFromCfnOutputs: { ROWGATE_URL: apiUrl, ...(apiKeyId && { API_KEY_ID: apiKeyId }) },
      installCommands: ['apt-get update -q', 'apt-get install -y -q --no-install-recommends python3-pytest awscli'],
      commands: [...withKey, '/usr/bin/python3 -m pytest -q tests/api'],
      rolePolicyStatements: [
        new PolicyStatement({
          actions: ['apigateway:GET'],
          resources: [`arn:${this.partition}:apigateway:${this.region}::/apikeys/*`],
        }),
      ],
    });
  }
}

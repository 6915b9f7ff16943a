import { CfnOutput, Duration, Size } from 'aws-cdk-lib';
import { Repository } from 'aws-cdk-lib/aws-ecr';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnPermission, DockerImageCode, DockerImageFunction, Function, Runtime } from 'aws-cdk-lib/aws-lambda';
import type { FunctionOptions } from 'aws-cdk-lib/aws-lambda';
import { SqsDestination } from 'aws-cdk-lib/aws-lambda-destinations';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { CfnBucket } from 'aws-cdk-lib/aws-s3';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';

import { addAlarms } from './alarms';
import { applicationSettings } from './application_settings';
import type { LambdaSettings } from './application_settings';
import { ConfiguredStack, kDisposable } from './configured_stack';
import { addFiles, bucketName, kUploads } from './files';
import { functionPackage } from './function_package';
import { lettersAndDigits } from './generated_secret';
import { acknowledge, acknowledgePolicies } from './nag';
import type { NetworkingStack } from './networking_stack';
import { grantProgram, kLinkKey, kLinkKeyVariable, programEnvironment } from './program';
import type { ProgramPlace } from './program';
import type { RdsStack } from './rds_stack';
import { addUsagePlan, makeApi, stageUrl } from './rest_api';

/** The application: rowgate as a function behind a REST API, its files, its alarms. */
export class ApplicationStack extends ConfiguredStack {
  /** The place of the program, for others that run it beside the same files. */
  readonly place: ProgramPlace;
  readonly apiUrl: CfnOutput;
  readonly apiKeyId: CfnOutput | undefined;

  constructor(scope: Construct, name: string, networking: NetworkingStack, rds: RdsStack) {
    super(scope, name, 'rowgate: function, API and files');
    this.addStackDependency(rds); // the secret is found by its name
    const { lambda, api: apiSettings, files, alarms } = this.settings(applicationSettings(rds.secretName));

    this.place = {
      rds,
      bucketName: bucketName(this),
      linkKeys: this.makeLinkKeys(),
      linkHours: lambda.linkHours,
      files,
      corsOrigin: apiSettings.corsOrigin,
      maxFileMiB: Math.floor(lambda.storage / 2), // the other half is for sorting its keys
      publicUrl: apiSettings.publicUrl,
    };
    const failedEvents = this.makeFailedEvents();
    const program = this.makeFunction(lambda, networking, failedEvents);
    const { api, stages } = makeApi(this, program, apiSettings, lambda.logDays);
    this.addUploads(program, files);
    this.addTidying(program);

    const value = stageUrl(api, apiSettings.stages[0]!);
    this.apiUrl = new CfnOutput(this, 'ApiUrl', { value, description: 'what callers ask' });
    new CfnOutput(this, 'RestApiId', { value: api.restApiId });
    new CfnOutput(this, 'FunctionName', { value: program.functionName });
    new CfnOutput(this, 'FilesBucket', { value: this.place.bucketName });
    if (apiSettings.needsKey)
      this.apiKeyId = new CfnOutput(this, 'ApiKeyId', { value: addUsagePlan(this, api, stages, apiSettings) });
    addAlarms(this, { program, api, failedEvents, windowHours: lambda.windowHours, email: alarms.email });
  }

  private makeLinkKeys(): Secret {
    const secret = new Secret(this, 'LinkKeys', {
      secretName: this.named('link-keys'),
      description: 'rowgate: the key that signs links',
      generateSecretString: lettersAndDigits(kLinkKey, 44),
    });
    acknowledge(secret, {
      SMG4: 'A new key ends every link that was signed with the old one: it is changed by hand.',
    });
    return secret;
  }

  /** Where events of uploads go that failed three times. */
  private makeFailedEvents(): Queue {
    const queue = new Queue(this, 'FailedUploads', {
      queueName: this.named('failed-uploads'),
      encryption: QueueEncryption.SQS_MANAGED,
      enforceSSL: true,
      retentionPeriod: Duration.days(14),
    });
    acknowledge(queue, { SQS3: 'It is the dead-letter queue itself.' });
    return queue;
  }

  private makeFunction(settings: LambdaSettings, networking: NetworkingStack, failedEvents: Queue): Function {
    const functionName = this.named('rowgate');
    const options: FunctionOptions = {
      functionName,
      description: 'rowgate: answers the API and loads what arrives in the bucket',
      memorySize: settings.memory,
      timeout: Duration.seconds(settings.timeout),
      ephemeralStorageSize: Size.mebibytes(settings.storage),
      reservedConcurrentExecutions: settings.concurrency,
      vpc: networking.vpc,
      vpcSubnets: networking.privateSubnets,
      securityGroups: [networking.lambdaSecurityGroup],
      environment: {
        ...programEnvironment(this.place),
        [kLinkKeyVariable]: this.place.linkKeys.secretValueFromJson(kLinkKey).unsafeUnwrap(), // a reference, not the key
      },
      onFailure: new SqsDestination(failedEvents),
      retryAttempts: 2,
      logGroup: new LogGroup(this, 'FunctionLogs', {
        logGroupName: `/aws/lambda/${functionName}`,
        retention: settings.logDays,
        removalPolicy: kDisposable,
      }),
    };
    const program =
      settings.package === 'zip'
        ? new Function(this, 'Function', {
            ...options,
            runtime: Runtime.PROVIDED_AL2023,
            handler: 'bootstrap',
            code: functionPackage(this),
          })
        : new DockerImageFunction(this, 'Function', { ...options, code: this.image(settings) });
    grantProgram(this, program.role!, this.place);
    acknowledgePolicies(
      program,
      ['service-role/AWSLambdaBasicExecutionRole', 'service-role/AWSLambdaVPCAccessExecutionRole'],
      'What a function in a network needs: its interfaces and its logs.',
    );
    return program;
  }

  private image(settings: LambdaSettings): DockerImageCode {
    const repository = Repository.fromRepositoryName(this, 'Images', settings.imageRepository!);
    return DockerImageCode.fromEcr(repository, { tagOrDigest: settings.imageTag!, cmd: ['lambda'] });
  }

  /** Once a day the program settles what was left half done, and removes what was kept for its time. */
  private addTidying(program: Function): void {
    new Rule(this, 'Tidying', {
      ruleName: this.named('tidying'),
      description: 'rowgate: tidies up',
      schedule: Schedule.rate(Duration.days(1)),
      targets: [new LambdaFunction(program)],
    });
  }

  /**
   * The bucket, which calls the function for every file that arrives below the upload prefix. S3 tries the call when the
   * bucket is made, so the permission comes first; it and the function's policies know the bucket by its name, and
   * nothing goes round in a circle.
   */
  private addUploads(program: Function, files: Parameters<typeof addFiles>[1]): void {
    const bucket = addFiles(this, files);
    const permission = new CfnPermission(this, 'UploadsPermission', {
      action: 'lambda:InvokeFunction',
      functionName: program.functionArn,
      principal: new ServicePrincipal('s3.amazonaws.com').service,
      sourceAccount: this.account,
      sourceArn: `arn:${this.partition}:s3:::${this.place.bucketName}`,
    });
    const resource = bucket.node.defaultChild as CfnBucket;
    resource.notificationConfiguration = {
      lambdaConfigurations: [
        {
          event: 's3:ObjectCreated:*',
          function: program.functionArn,
          filter: { s3Key: { rules: [{ name: 'prefix', value: kUploads }] } },
        },
      ],
    };
    resource.addResourceDependency(permission);
  }
}

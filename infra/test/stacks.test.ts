// What the templates must hold, whatever else changes.

import { Annotations, Match, Template } from 'aws-cdk-lib/assertions';
import { Stage } from 'aws-cdk-lib';
import { beforeAll, describe, expect, test } from 'vitest';

import { appWith, kEverything, resources, stacksOf, templates } from './made';

const app = appWith(kEverything);
let made: ReturnType<typeof templates>;
let all: Template[];
let plain: ReturnType<typeof templates>;

beforeAll(() => {
  made = templates(app);
  const stage = app.node.findAll().filter((child): child is Stage => Stage.isStage(child) && child !== app);
  all = [...stacksOf(app), ...stage.flatMap(stacksOf)].map((stack) => Template.fromStack(stack));
  plain = templates(appWith());
});

/** All resources of a type in all templates, those of the pipeline's stage included. */
const everywhere = (type: string) => all.flatMap((template) => resources(template, type));

/** The statements of all policies of identities in `template`. */
function statements(template: Template): Record<string, any>[] {
  const policies = [...resources(template, 'AWS::IAM::Policy'), ...resources(template, 'AWS::IAM::ManagedPolicy')];
  const inRoles = resources(template, 'AWS::IAM::Role').flatMap(([, role]) => role['Policies'] ?? []);
  return [...policies.map(([, policy]) => policy), ...inRoles].flatMap((policy) => policy['PolicyDocument'].Statement);
}

const list = <T>(value: T | T[]): T[] => (Array.isArray(value) ? value : [value]);

describe('encryption', () => {
  test('every bucket is encrypted, closed to the public and to everything but TLS', () => {
    const buckets = everywhere('AWS::S3::Bucket');
    expect(buckets.length).toBeGreaterThanOrEqual(5);
    for (const [, bucket] of buckets) {
      expect(bucket['BucketEncryption'].ServerSideEncryptionConfiguration).toHaveLength(1);
      expect(Object.values(bucket['PublicAccessBlockConfiguration'])).toEqual([true, true, true, true]);
    }
    const policies = everywhere('AWS::S3::BucketPolicy');
    expect(policies).toHaveLength(buckets.length);
    for (const [, policy] of policies) {
      const denied = policy['PolicyDocument'].Statement.filter((one: any) => one.Effect === 'Deny');
      expect(denied.map((one: any) => one.Condition)).toEqual(
        expect.arrayContaining([{ Bool: { 'aws:SecureTransport': 'false' } }]),
      );
    }
  });

  test('the database and its secret are encrypted with a key that rotates', () => {
    const [key] = Object.keys(made.rds.findResources('AWS::KMS::Key', { Properties: { EnableKeyRotation: true } }));
    const byKey = { 'Fn::GetAtt': [key, 'Arn'] };
    made.rds.hasResourceProperties('AWS::RDS::DBCluster', { StorageEncrypted: true, KmsKeyId: byKey });
    made.rds.hasResourceProperties('AWS::SecretsManager::Secret', { KmsKeyId: byKey });
  });

  test('the database refuses connections without TLS', () => {
    made.rds.hasResourceProperties('AWS::RDS::DBClusterParameterGroup', {
      Parameters: Match.objectLike({ require_secure_transport: 'ON', local_infile: '1' }),
    });
  });

  test('queues are encrypted, topics and queues closed to everything but TLS', () => {
    made.application.hasResourceProperties('AWS::SQS::Queue', { SqsManagedSseEnabled: true });
    const denied = { Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } };
    for (const type of ['AWS::SQS::QueuePolicy', 'AWS::SNS::TopicPolicy'])
      made.application.hasResourceProperties(type, {
        PolicyDocument: { Statement: Match.arrayWith([Match.objectLike(denied)]) },
      });
  });

  test("the bastion's disk is encrypted", () => {
    made.rds.hasResourceProperties('AWS::EC2::Instance', {
      BlockDeviceMappings: [Match.objectLike({ Ebs: Match.objectLike({ Encrypted: true }) })],
    });
  });
});

describe('no public access', () => {
  test('database and function lie in subnets without a way to the internet', () => {
    plain.networking.resourceCountIs('AWS::EC2::NatGateway', 0);
    const routes = resources(plain.networking, 'AWS::EC2::Route').map(([name]) => name);
    expect(routes.every((name) => name.includes('public'))).toBe(true);
    for (const [, instance] of everywhere('AWS::RDS::DBInstance')) expect(instance['PubliclyAccessible']).toBe(false);
    const groups = resources(plain.rds, 'AWS::RDS::DBSubnetGroup').flatMap(([, group]) => group['SubnetIds']);
    const subnets = resources(plain.application, 'AWS::Lambda::Function').flatMap(([, one]) => one['VpcConfig'].SubnetIds);
    expect(groups).toHaveLength(2);
    for (const subnet of [...groups, ...subnets]) expect(JSON.stringify(subnet)).toContain('Vpcprivate');
  });

  test('without a certificate the load balancer is not public', () => {
    made.service!.hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', { Scheme: 'internal' });
  });

  test('no security group lets the world in', () => {
    for (const type of ['AWS::EC2::SecurityGroup', 'AWS::EC2::SecurityGroupIngress'])
      for (const [name, group] of everywhere(type))
        for (const rule of group['SecurityGroupIngress'] ?? [group])
          expect([name, rule.CidrIp, rule.CidrIpv6]).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(0\.0\.0\.0|::)\/0$/)]));
  });

  test('the API asks for a key everywhere but at links, explanations and preflights', () => {
    const paths = new Map(resources(made.application, 'AWS::ApiGateway::Resource').map(([name, one]) => [name, one]));
    const pathOf = (name: string): string => {
      const one = paths.get(name);
      const parent = one?.['ParentId'].Ref as string | undefined;
      return one ? `${parent ? pathOf(parent) : ''}/${one['PathPart']}` : '';
    };
    const open = resources(made.application, 'AWS::ApiGateway::Method')
      .filter(([, method]) => !method['ApiKeyRequired'])
      .map(([, method]) => `${method['HttpMethod']} ${pathOf(method['ResourceId'].Ref)}`);
    expect(open.filter((method) => !method.startsWith('OPTIONS')).sort()).toEqual([
      'GET /d/{proxy+}',
      'GET /problems/{proxy+}',
      'HEAD /d/{proxy+}',
    ]);
  });
});

describe('paths between security groups', () => {
  /** group name -> logical name */
  const group = (name: string) =>
    resources(made.networking, 'AWS::EC2::SecurityGroup').find(([, one]) => one['GroupName'] === `rowgate-dev-${name}`)![0];

  test('the database is reached at 3306 by lambda_sg and the bastion only', () => {
    const into = { 'Fn::GetAtt': [group('auroradb_sg'), 'GroupId'] };
    const rules = resources(made.networking, 'AWS::EC2::SecurityGroupIngress').filter(
      ([, rule]) => JSON.stringify(rule['GroupId']) === JSON.stringify(into),
    );
    expect(rules.map(([, rule]) => [rule['FromPort'], rule['ToPort'], rule['SourceSecurityGroupId']['Fn::GetAtt'][0]])).toEqual([
      [3306, 3306, group('lambda_sg')],
      [3306, 3306, group('bastion_sg')],
    ]);
    const inline = resources(made.networking, 'AWS::EC2::SecurityGroup').find(([name]) => name === group('auroradb_sg'))![1];
    expect(inline['SecurityGroupIngress']).toBeUndefined();
    for (const template of [made.rds, made.application, made.service!, made.cicd!])
      for (const [, rule] of resources(template, 'AWS::EC2::SecurityGroupIngress'))
        expect(JSON.stringify(rule['GroupId'])).not.toContain(group('auroradb_sg'));
  });

  test('the bastion lets nothing in', () => {
    const bastion = resources(made.networking, 'AWS::EC2::SecurityGroup').find(([name]) => name === group('bastion_sg'))![1];
    expect(bastion['SecurityGroupIngress']).toBeUndefined();
    const into = JSON.stringify({ 'Fn::GetAtt': [group('bastion_sg'), 'GroupId'] });
    const rules = resources(made.networking, 'AWS::EC2::SecurityGroupIngress');
    expect(rules.filter(([, rule]) => JSON.stringify(rule['GroupId']) === into)).toEqual([]);
  });

  test('what runs rowgate reaches HTTPS and the database, nothing else', () => {
    const own = resources(made.networking, 'AWS::EC2::SecurityGroup').find(([name]) => name === group('lambda_sg'))![1];
    expect(own['SecurityGroupEgress'].map((rule: any) => [rule.FromPort, rule.ToPort])).toEqual([[443, 443]]);
    const from = JSON.stringify({ 'Fn::GetAtt': [group('lambda_sg'), 'GroupId'] });
    const rules = resources(made.networking, 'AWS::EC2::SecurityGroupEgress').filter(
      ([, rule]) => JSON.stringify(rule['GroupId']) === from,
    );
    expect(rules.map(([, rule]) => [rule['FromPort'], rule['DestinationSecurityGroupId']['Fn::GetAtt'][0]])).toEqual([
      [3306, group('auroradb_sg')],
    ]);
  });

  test('the container is reached by the load balancer only', () => {
    const rules = resources(made.service!, 'AWS::EC2::SecurityGroupIngress');
    const [balancer] = resources(made.service!, 'AWS::EC2::SecurityGroup').find(([, one]) =>
      one['GroupDescription'].includes('load balancer') && one['GroupName'].endsWith('balancer_sg'),
    )!;
    expect(rules.map(([, rule]) => [rule['FromPort'], rule['SourceSecurityGroupId']['Fn::GetAtt'][0]])).toEqual([[8080, balancer]]);
  });
});

describe('least privilege', () => {
  const kFiles = 'arn:aws:s3:::rowgate-dev-files-111111111111-us-east-1';

  test('rowgate may use its own files and read the secret of the database', () => {
    for (const template of [made.application, made.service!]) {
      const own = statements(template).filter((one) => !list(one['Action']).some((action) => /^(sqs|ecr|logs):/.test(action)));
      const secrets = own.filter((one) => list(one['Action']).includes('secretsmanager:GetSecretValue'));
      expect(own.find((one) => list(one['Action']).includes('s3:PutObject'))).toEqual({
        Effect: 'Allow',
        Action: ['s3:AbortMultipartUpload', 's3:DeleteObject', 's3:GetObject', 's3:GetObjectVersion', 's3:PutObject'],
        Resource: `${kFiles}/rowgate/*`,
      });
      expect(own.find((one) => list(one['Action']).includes('s3:ListBucket'))).toEqual({
        Effect: 'Allow',
        Action: ['s3:ListBucket', 's3:ListBucketMultipartUploads'],
        Resource: kFiles,
      });
      expect(secrets.map((one) => one['Resource'])).toContain(
        'arn:aws:secretsmanager:us-east-1:111111111111:secret:rowgate/dev/database-??????',
      );
      expect(own.find((one) => list(one['Action']).includes('kms:Decrypt'))).toMatchObject({
        Action: 'kms:Decrypt',
        Condition: { StringEquals: { 'kms:ViaService': 'secretsmanager.us-east-1.amazonaws.com' } },
      });
    }
  });

  test('no policy of ours allows all of a service, or everything on everything', () => {
    for (const template of [made.networking, made.rds, made.application, made.service!])
      for (const one of statements(template)) {
        expect(one['Effect']).toBe('Allow');
        for (const action of list(one['Action'])) expect(action).not.toMatch(/\*/);
        if (list(one['Resource']).includes('*')) expect(one['Action']).toBe('ecr:GetAuthorizationToken');
      }
  });

  test('the policies of the secret and its key name no role of another stack', () => {
    const text = JSON.stringify([
      resources(made.rds, 'AWS::KMS::Key').map(([, key]) => key['KeyPolicy']),
      resources(made.rds, 'AWS::SecretsManager::ResourcePolicy'),
    ]);
    expect(text).not.toContain('ImportValue');
  });

  test('the bucket may call the function for its own account only', () => {
    made.application.hasResourceProperties('AWS::Lambda::Permission', {
      Principal: 's3.amazonaws.com',
      SourceArn: kFiles,
      SourceAccount: '111111111111',
    });
  });

  test('the container has no capabilities, no root and no writable root folder', () => {
    made.service!.hasResourceProperties('AWS::ECS::TaskDefinition', {
      ContainerDefinitions: [
        Match.objectLike({
          User: '65532',
          ReadonlyRootFilesystem: true,
          LinuxParameters: Match.objectLike({ Capabilities: { Drop: ['ALL'] } }),
        }),
      ],
    });
  });

  test('no secret stands in a template', () => {
    for (const template of all) {
      const text = JSON.stringify(template.toJSON());
      expect(text).not.toMatch(/"(Password|MasterUserPassword|SecretString)":"(?!\{\{resolve:)/);
    }
    const program = resources(made.application, 'AWS::Lambda::Function')[0]![1];
    expect(JSON.stringify(program['Environment'].Variables.LINK_KEY)).toContain('{{resolve:secretsmanager:');
  });
});

describe('tags', () => {
  const kTags = { ParentOrg: 'Example Group', Department: 'People Operations', App: 'rowgate', Version: '0.1.0' };

  // Types that CloudFormation tags otherwise or not at all: the CDK knows which can, this list which need not.
  test('everything that can carry tags carries all of them', () => {
    let count = 0;
    for (const template of all)
      for (const [name, resource] of Object.entries<any>(template.toJSON()['Resources'])) {
        const tags = resource.Properties?.Tags;
        if (tags === undefined) continue;
        const found = Array.isArray(tags) ? Object.fromEntries(tags.map((tag: any) => [tag.Key, tag.Value])) : tags;
        expect({ name, tags: found }).toMatchObject({ name, tags: kTags });
        ++count;
      }
    expect(count).toBeGreaterThan(60);
  });

  test.each([
    'AWS::S3::Bucket', 'AWS::Lambda::Function', 'AWS::RDS::DBCluster', 'AWS::RDS::DBInstance', 'AWS::EC2::VPC', 'AWS::EC2::Subnet',
    'AWS::EC2::SecurityGroup', 'AWS::KMS::Key', 'AWS::SecretsManager::Secret', 'AWS::IAM::Role', 'AWS::Logs::LogGroup',
    'AWS::ApiGateway::RestApi', 'AWS::ApiGateway::Stage', 'AWS::SQS::Queue', 'AWS::SNS::Topic', 'AWS::ECS::Service',
    'AWS::ElasticLoadBalancingV2::LoadBalancer', 'AWS::CodePipeline::Pipeline', 'AWS::CodeBuild::Project', 'AWS::EC2::Instance',
  ])('%s has tags', (type) => {
    const found = everywhere(type);
    expect(found.length).toBeGreaterThan(0);
    for (const [, properties] of found) expect(properties['Tags'], type).toBeDefined();
  });
});

describe('networking', () => {
  test('two zones, each with a public and a private /24', () => {
    const blocks = resources(plain.networking, 'AWS::EC2::Subnet').map(([, subnet]) => subnet['CidrBlock']);
    expect(blocks.sort()).toEqual(['10.0.0.0/24', '10.0.1.0/24', '10.0.2.0/24', '10.0.3.0/24']);
    plain.networking.hasResourceProperties('AWS::EC2::VPC', { CidrBlock: '10.0.0.0/16' });
  });

  test.each([
    ['none', 0],
    ['one', 1],
    ['per_az', 2],
  ])('nat: %s makes %i gateways', (nat, count) => {
    const { networking } = templates(appWith([['nat: none', `nat: ${nat}`]]));
    networking.resourceCountIs('AWS::EC2::NatGateway', count);
  });

  test("AWS's services are reached without the internet, and the network is logged", () => {
    const services = resources(plain.networking, 'AWS::EC2::VPCEndpoint').map(([, one]) => JSON.stringify(one['ServiceName']));
    for (const service of ['s3', 'secretsmanager', 'glue', 'logs'])
      expect(services.some((name) => name.includes(service))).toBe(true);
    plain.networking.hasResourceProperties('AWS::EC2::FlowLog', { TrafficType: 'ALL' });
    plain.networking.hasResourceProperties('AWS::Logs::LogGroup', { RetentionInDays: 30 });
  });
});

describe('database', () => {
  test('a fixed name and a rotation for the secret', () => {
    plain.rds.hasResourceProperties('AWS::SecretsManager::Secret', { Name: 'rowgate/dev/database' });
    const [attachment] = Object.keys(plain.rds.findResources('AWS::SecretsManager::SecretTargetAttachment'));
    const [writer] = Object.keys(plain.rds.findResources('AWS::RDS::DBInstance'));
    plain.rds.hasResource('AWS::SecretsManager::RotationSchedule', {
      Properties: {
        SecretId: { Ref: attachment },
        HostedRotationLambda: Match.objectLike({ RotationType: 'MySQLSingleUser' }),
        RotationRules: { ScheduleExpression: 'rate(30 days)' },
      },
      DependsOn: Match.arrayWith([writer]),
    });
  });

  test('Aurora MySQL 3, serverless, with a database, backups and logs', () => {
    plain.rds.hasResourceProperties('AWS::RDS::DBCluster', {
      Engine: 'aurora-mysql',
      EngineVersion: '8.0.mysql_aurora.3.10.4',
      DatabaseName: 'test_db',
      BackupRetentionPeriod: 7,
      ServerlessV2ScalingConfiguration: { MinCapacity: 0, MaxCapacity: 4, SecondsUntilAutoPause: 1800 },
      EnableCloudwatchLogsExports: ['audit', 'error', 'slowquery'],
    });
    plain.rds.hasResourceProperties('AWS::RDS::DBInstance', { DBInstanceClass: 'db.serverless' });
  });

  test('an instance class instead, where the configuration names one', () => {
    const { rds } = templates(appWith([['instance_class: serverless', 'instance_class: t4g.medium']]));
    rds.hasResourceProperties('AWS::RDS::DBInstance', { DBInstanceClass: 'db.t4g.medium' });
    rds.hasResourceProperties('AWS::RDS::DBCluster', { ServerlessV2ScalingConfiguration: Match.absent() });
  });

  test('it cannot be deleted in the environments that are protected, and leaves a snapshot', () => {
    plain.rds.hasResource('AWS::RDS::DBCluster', { DeletionPolicy: 'Delete', Properties: { DeletionProtection: false } });
    const { rds } = templates(appWith([['  Name: dev', '  Name: prod']]));
    rds.hasResource('AWS::RDS::DBCluster', { DeletionPolicy: 'Snapshot', Properties: { DeletionProtection: true } });
    rds.hasResource('AWS::KMS::Key', { DeletionPolicy: 'Retain' });
  });

  test('a bastion only where it is asked for, without SSH', () => {
    plain.rds.resourceCountIs('AWS::EC2::Instance', 0);
    made.rds.hasResourceProperties('AWS::EC2::Instance', { KeyName: Match.absent() });
  });
});

describe('application', () => {
  test('the limits of the function are those of the configuration', () => {
    plain.application.hasResourceProperties('AWS::Lambda::Function', {
      Runtime: 'provided.al2023',
      Handler: 'bootstrap',
      Timeout: 300,
      MemorySize: 1024,
      EphemeralStorage: { Size: 2048 },
      ReservedConcurrentExecutions: 10,
    });
  });

  test('links live as long as presigned_url_expiration_hours says', () => {
    const { application } = templates(appWith([['presigned_url_expiration_hours: 24', 'presigned_url_expiration_hours: 48']]));
    const variables = (template: Template) => resources(template, 'AWS::Lambda::Function')[0]![1]['Environment'].Variables;
    expect(variables(plain.application).LINK_LIFE).toBe('24h');
    expect(variables(application).LINK_LIFE).toBe('48h');
  });

  test('an image instead of the zip', () => {
    const { application } = templates(
      appWith([
        ['package: zip', 'package: image'],
        ['image_repository: null', 'image_repository: rowgate'],
        ['image_tag: null', 'image_tag: "0.1.0"'],
      ]),
    );
    application.hasResourceProperties('AWS::Lambda::Function', {
      PackageType: 'Image',
      ImageConfig: { Command: ['lambda'] },
      Handler: Match.absent(),
    });
  });

  test('the original routes, the API and the links, in three throttled and logged stages', () => {
    const stages = resources(plain.application, 'AWS::ApiGateway::Stage').map(([, stage]) => stage);
    expect(stages.map((stage) => stage['StageName'])).toEqual(['dev', 'staging', 'qa']);
    for (const stage of stages) {
      expect(stage['MethodSettings']).toEqual([
        expect.objectContaining({ ThrottlingRateLimit: 20, ThrottlingBurstLimit: 40, MetricsEnabled: true, DataTraceEnabled: false }),
      ]);
      expect(stage['AccessLogSetting'].DestinationArn).toBeDefined();
    }
    const parts = resources(plain.application, 'AWS::ApiGateway::Resource').map(([, one]) => one['PathPart']).sort();
    expect(parts).toEqual(
      ['d', 'db_migration', 'first_sql_requirement', 'problems', 'second_sql_requirement', 'v1', '{proxy+}', '{proxy+}', '{proxy+}'].sort(),
    );
    plain.application.hasResourceProperties('AWS::ApiGateway::RestApi', { BinaryMediaTypes: ['*/*'] });
  });

  test('a usage plan for all stages, with a key', () => {
    plain.application.hasResourceProperties('AWS::ApiGateway::UsagePlan', {
      Quota: { Limit: 10000, Period: 'DAY' },
      ApiStages: [Match.anyValue(), Match.anyValue(), Match.anyValue()],
    });
    plain.application.resourceCountIs('AWS::ApiGateway::UsagePlanKey', 1);
    const open = templates(appWith([['needs_key: true', 'needs_key: false']])).application;
    open.resourceCountIs('AWS::ApiGateway::ApiKey', 0);
    for (const [, method] of resources(open, 'AWS::ApiGateway::Method')) expect(method['ApiKeyRequired']).toBe(false);
  });

  test("what is too large for the gateway is told the way out", () => {
    const responses = resources(plain.application, 'AWS::ApiGateway::GatewayResponse').map(([, one]) => one);
    const tooLarge = responses.find((one) => one['ResponseType'] === 'REQUEST_TOO_LARGE')!;
    expect(tooLarge['ResponseTemplates']['application/json']).toContain('POST /v1/sources');
    for (const one of responses)
      expect(one['ResponseParameters']['gatewayresponse.header.Access-Control-Allow-Origin']).toBe("'*'");
  });

  test('a file below the upload prefix starts the function; what fails goes to a queue', () => {
    const buckets = resources(plain.application, 'AWS::S3::Bucket').map(([, bucket]) => bucket);
    const [notified] = buckets.filter((bucket) => bucket['NotificationConfiguration']);
    expect(notified!['NotificationConfiguration'].LambdaConfigurations).toMatchObject([
      { Event: 's3:ObjectCreated:*', Filter: { S3Key: { Rules: [{ Name: 'prefix', Value: 'rowgate/uploads/' }] } } },
    ]);
    plain.application.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      MaximumRetryAttempts: 2,
      DestinationConfig: { OnFailure: Match.anyValue() },
    });
  });

  test('the bucket keeps versions, logs who reads, and forgets by prefix', () => {
    plain.application.hasResourceProperties('AWS::S3::Bucket', {
      VersioningConfiguration: { Status: 'Enabled' },
      LoggingConfiguration: Match.objectLike({ LogFilePrefix: 'files/' }),
      LifecycleConfiguration: {
        Rules: Match.arrayWith([
          Match.objectLike({ Prefix: 'rowgate/reports/', ExpirationInDays: 8 }),
          Match.objectLike({ Prefix: 'rowgate/rejects/', ExpirationInDays: 30 }),
          Match.objectLike({ Prefix: 'rowgate/sources/', ExpirationInDays: 7 }),
        ]),
      },
    });
  });

  test('four alarms tell a topic', () => {
    const alarms = resources(plain.application, 'AWS::CloudWatch::Alarm').map(([, alarm]) => alarm);
    expect(alarms.map((alarm) => alarm['AlarmName']).sort()).toEqual([
      'rowgate-dev-api-5xx',
      'rowgate-dev-failed-uploads',
      'rowgate-dev-function-errors',
      'rowgate-dev-function-throttles',
    ]);
    for (const alarm of alarms) expect(alarm['AlarmActions']).toHaveLength(1);
    expect(alarms.find((alarm) => alarm['AlarmName'].endsWith('errors'))!['Period']).toBe(3600);
  });

  test('the program tidies up once a day', () => {
    plain.application.hasResourceProperties('AWS::Events::Rule', { ScheduleExpression: 'rate(1 day)' });
  });
});

describe('service', () => {
  test('it is not there where it is not asked for', () => expect(plain.service).toBeUndefined());

  test('with a certificate it is public and speaks HTTPS', () => {
    const arn = 'arn:aws:acm:us-east-1:111111111111:certificate/1';
    const { service } = templates(appWith([...kEverything, ['certificate_arn: null', `certificate_arn: ${arn}`]]));
    service!.hasResourceProperties('AWS::ElasticLoadBalancingV2::LoadBalancer', { Scheme: 'internet-facing' });
    service!.hasResourceProperties('AWS::ElasticLoadBalancingV2::Listener', { Port: 443, Protocol: 'HTTPS' });
  });

  test('callers need a key', () => {
    const container = resources(made.service!, 'AWS::ECS::TaskDefinition')[0]![1]['ContainerDefinitions'][0];
    const variables = Object.fromEntries(container.Environment.map((one: any) => [one.Name, one.Value]));
    expect(variables).toMatchObject({ ROWGATE_AUTH__MODE: 'keys', ROWGATE_SERVER__LISTEN: '0.0.0.0:8080', MAX_FILE: '1024MiB' });
    expect(container.Secrets.map((one: any) => one.Name)).toEqual(['LINK_KEY']);
  });
});

describe('pipeline', () => {
  const pipeline = (template: Template) => resources(template, 'AWS::CodePipeline::Pipeline')[0]![1];
  const actions = (template: Template) =>
    pipeline(template)['Stages'].flatMap((stage: any) => stage.Actions.map((action: any) => `${stage.Name}: ${action.Name}`));

  test('source, synth, the stacks, and the API test as its last step', () => {
    const names = actions(plain.cicd!);
    expect(names[0]).toBe('Source: example-group_rowgate');
    expect(names).toContain('Build: Synth');
    expect(names.filter((name: string) => name.startsWith('dev: ') && name.endsWith('.Deploy'))).toHaveLength(3);
    expect(names.at(-1)).toBe('dev: ApiTest');
  });

  test('a token with a webhook, or a connection', () => {
    const arn = 'arn:aws:codeconnections:us-east-1:111111111111:connection/1';
    plain.cicd!.resourceCountIs('AWS::CodePipeline::Webhook', 1);
    expect(JSON.stringify(pipeline(plain.cicd!))).toContain('{{resolve:secretsmanager:github-token');
    const { cicd } = templates(appWith([['connection_arn: null', `connection_arn: ${arn}`]]));
    cicd!.resourceCountIs('AWS::CodePipeline::Webhook', 0);
    expect(JSON.stringify(pipeline(cicd!))).toContain(arn);
  });

  test('the API test asks the deployed address with the key of the usage plan', () => {
    const specs = resources(plain.cicd!, 'AWS::CodeBuild::Project').map(([, project]) => JSON.stringify(project['Source'].BuildSpec));
    const spec = specs.find((text) => text.includes('tests/api'))!;
    expect(spec).toContain('ROWGATE_KEY');
    expect(JSON.stringify(pipeline(plain.cicd!))).toContain('ROWGATE_URL');
  });

  test('the service is deployed by it only where both sections say so', () => {
    const deploys = (template: Template) => actions(template).filter((name: string) => name.endsWith('.Deploy'));
    expect(deploys(made.cicd!).some((name: string) => name.includes('ServiceStack'))).toBe(false);
    const { cicd } = templates(appWith([...kEverything, ['deploy_service: false', 'deploy_service: true']]));
    expect(deploys(cicd!).some((name: string) => name.includes('ServiceStack'))).toBe(true);
  });

  test('it is not there where it is not asked for', () => {
    expect(templates(appWith([['  CicdStack:\n    enabled: true', '  CicdStack:\n    enabled: false']])).cicd).toBeUndefined();
  });
});

test('no stack has warnings or errors of its own', () => {
  for (const stack of stacksOf(app)) {
    const notes = Annotations.fromStack(stack);
    expect([...notes.findError('*', Match.anyValue()), ...notes.findWarning('*', Match.anyValue())].map((note) => note.entry.data)).toEqual([]);
  }
});

import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  AmazonLinuxCpuType,
  BlockDeviceVolume,
  HttpTokens,
  Instance,
  InstanceType,
  MachineImage,
  SubnetType,
} from 'aws-cdk-lib/aws-ec2';
import { Key } from 'aws-cdk-lib/aws-kms';
import {
  AuroraMysqlEngineVersion,
  ClusterInstance,
  Credentials,
  DatabaseCluster,
  DatabaseClusterEngine,
  ParameterGroup,
} from 'aws-cdk-lib/aws-rds';
import { HostedRotation, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';

import type { Section } from './config/section';
import { ConfiguredStack } from './configured_stack';
import { kPunctuation, lettersAndDigits } from './generated_secret';
import { acknowledge, acknowledgePolicies } from './nag';
import type { NetworkingStack } from './networking_stack';

const kName = /^[a-z][a-z0-9_]{0,31}$/;

const rdsSettings = (section: Section) => ({
  engineVersion: section.text('engine_version', { pattern: /^3\.\d{2}\.\d$/, example: '3.10.4' }),
  instanceClass: section.text('instance_class', { pattern: /^(serverless|[a-z]\w+\.\w+)$/, example: 'serverless or t4g.medium' }),
  minCapacity: section.number('min_capacity', 0, 256),
  maxCapacity: section.number('max_capacity', 1, 256),
  pauseMinutes: section.integer('pause_minutes', 5, 1440),
  database: section.text('database', { pattern: kName, example: 'test_db' }),
  user: section.text('user', { pattern: kName, example: 'rowgate' }),
  secretName: section.text('secret_name', { pattern: /^[\w/+=.@-]{1,200}$/, example: 'rowgate/dev/database' }),
  rotationDays: section.integer('rotation_days', 1, 365),
  backupDays: section.integer('backup_days', 1, 35),
  protectedEnvironments: section.texts('protected_environments'),
  bastion: section.flag('bastion'),
});

/** The database: Aurora MySQL 3 in the private subnets, with a secret that is changed by itself. */
export class RdsStack extends ConfiguredStack {
  readonly cluster: DatabaseCluster;
  readonly database: string;
  readonly user: string;
  /** The secret's name, by which others find it: see ApplicationStack on why not by reference. */
  readonly secretName: string;
  readonly key: Key;

  constructor(scope: Construct, name: string, networking: NetworkingStack) {
    super(scope, name, 'rowgate: database');
    const settings = this.settings(rdsSettings);
    const isProtected = settings.protectedEnvironments.includes(this.configs.environment.name);
    this.database = settings.database;
    this.user = settings.user;
    this.secretName = settings.secretName;
    this.key = new Key(this, 'Key', {
      alias: this.named('database'),
      description: 'rowgate: database and its secret',
      enableKeyRotation: true,
      removalPolicy: isProtected ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    });
    const secret = new Secret(this, 'Secret', {
      secretName: this.secretName,
      description: 'rowgate: the user of the database',
      encryptionKey: this.key,
      generateSecretString: lettersAndDigits('password', 40, { username: this.user }),
    });
    this.cluster = this.makeCluster(settings, secret, networking, isProtected);
    this.rotate(settings.rotationDays, networking);
    if (settings.bastion) this.addBastion(networking);
  }

  private makeCluster(
    settings: ReturnType<typeof rdsSettings>,
    secret: Secret,
    networking: NetworkingStack,
    isProtected: boolean,
  ): DatabaseCluster {
    const version = AuroraMysqlEngineVersion.of(`8.0.mysql_aurora.${settings.engineVersion}`, '8.0');
    const engine = DatabaseClusterEngine.auroraMysql({ version });
    // The version is the configuration's: an upgrade that it does not know of would be undone by the next deployment.
    const instance = { enablePerformanceInsights: false, publiclyAccessible: false, autoMinorVersionUpgrade: false };
    const isServerless = settings.instanceClass === 'serverless';
    const parameterGroup = new ParameterGroup(this, 'Parameters', {
      engine,
      description: 'rowgate: TLS only, LOAD DATA LOCAL, UTC',
      parameters: { local_infile: '1', require_secure_transport: 'ON', time_zone: 'UTC' },
    });
    const cluster = new DatabaseCluster(this, 'Cluster', {
      engine,
      parameterGroup,
      clusterIdentifier: this.named('database'),
      credentials: Credentials.fromSecret(secret, this.user),
      defaultDatabaseName: this.database,
      writer: isServerless
        ? ClusterInstance.serverlessV2('Writer', instance)
        : ClusterInstance.provisioned('Writer', { ...instance, instanceType: new InstanceType(settings.instanceClass) }),
      ...(isServerless && {
        serverlessV2MinCapacity: settings.minCapacity,
        serverlessV2MaxCapacity: settings.maxCapacity,
        ...(settings.minCapacity === 0 && { serverlessV2AutoPauseDuration: Duration.minutes(settings.pauseMinutes) }),
      }),
      vpc: networking.vpc,
      vpcSubnets: networking.privateSubnets,
      securityGroups: [networking.databaseSecurityGroup],
      storageEncrypted: true,
      storageEncryptionKey: this.key,
      iamAuthentication: true,
      backup: { retention: Duration.days(settings.backupDays) },
      copyTagsToSnapshot: true,
      cloudwatchLogsExports: ['audit', 'error', 'slowquery'],
      deletionProtection: isProtected,
      removalPolicy: isProtected ? RemovalPolicy.SNAPSHOT : RemovalPolicy.DESTROY,
    });
    acknowledge(cluster, {
      RDS11: 'The security groups name port 3306, and only two of them may reach it; another port would hide nothing.',
      RDS14: 'Backtracking is not there for all classes; backups can be restored to any second of their days.',
      ...(!isProtected && { RDS10: 'Test environments are made to be deleted; protected_environments has the others.' }),
    });
    return cluster;
  }

  /** A new password by AWS's own rotation function, which sits in the network as rowgate does. */
  private rotate(days: number, networking: NetworkingStack): void {
    // The first one comes at once: the secret must tell by then where the database is, and the database must be there.
    const secret = this.cluster.secret!;
    const rotation = secret.addRotationSchedule('Rotation', {
      automaticallyAfter: Duration.days(days),
      hostedRotation: HostedRotation.mysqlSingleUser({
        functionName: this.named('rotation'),
        vpc: networking.vpc,
        vpcSubnets: networking.privateSubnets,
        securityGroups: [networking.lambdaSecurityGroup],
        excludeCharacters: kPunctuation,
      }),
    });
    rotation.node.addDependency(this.cluster);
  }

  /** Reached through SSM alone: its security group lets nothing in. */
  private addBastion(networking: NetworkingStack): void {
    const bastion = new Instance(this, 'Bastion', {
      vpc: networking.vpc,
      vpcSubnets: { subnetType: SubnetType.PUBLIC },
      associatePublicIpAddress: true, // its way to SSM; without NAT there is no other
      instanceName: this.named('bastion'),
      instanceType: new InstanceType('t4g.nano'),
      machineImage: MachineImage.latestAmazonLinux2023({ cpuType: AmazonLinuxCpuType.ARM_64 }),
      securityGroup: networking.bastionSecurityGroup,
      ssmSessionPermissions: true,
      httpTokens: HttpTokens.REQUIRED,
      detailedMonitoring: true,
      blockDevices: [{ deviceName: '/dev/xvda', volume: BlockDeviceVolume.ebs(8, { encrypted: true }) }],
    });
    acknowledge(bastion, {
      EC29: 'The bastion holds nothing; to delete it harms nobody.',
    });
    acknowledgePolicies(bastion, ['AmazonSSMManagedInstanceCore'], 'What Session Manager asks for.');
  }
}

import { CfnOutput, Duration, RemovalPolicy } from 'aws-cdk-lib';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import { InterfaceVpcEndpoint, InterfaceVpcEndpointAwsService, Peer, Port, SecurityGroup, SubnetType } from 'aws-cdk-lib/aws-ec2';
import { Repository } from 'aws-cdk-lib/aws-ecr';
import {
  Capability,
  Cluster,
  ContainerImage,
  ContainerInsights,
  FargateService,
  FargateTaskDefinition,
  LinuxParameters,
  LogDrivers,
  Secret,
} from 'aws-cdk-lib/aws-ecs';
import { ApplicationLoadBalancer, ApplicationProtocol, SslPolicy } from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { BlockPublicAccess, Bucket, BucketEncryption } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';

import type { ApplicationStack } from './application_stack';
import type { Section } from './config/section';
import { ConfiguredStack, kDisposable, kLogDays } from './configured_stack';
import { acknowledge, acknowledgeStars } from './nag';
import type { NetworkingStack } from './networking_stack';
import { grantProgram, kLinkKey, kLinkKeyVariable, programEnvironment } from './program';
import type { ProgramPlace } from './program';

const kPort = 8080;
const kUser = '65532'; // of the image
const kScratch = '/var/lib/rowgate'; // the volume of the image, which is that user's
// Alive, not ready: a database that is away does not get better by a new task. The load balancer asks /readyz.
const kHealth = [
  ...['CMD', '/usr/bin/curl', '--fail', '--silent', '--max-time', '4', '--output', '/dev/null'],
  `http://127.0.0.1:${kPort}/livez`,
];

export const serviceSettings = (section: Section) => ({
  enabled: section.flag('enabled'),
  imageRepository: section.text('image_repository', { pattern: /^[a-z0-9]+([._/-][a-z0-9]+)*$/, example: 'rowgate' }),
  imageTag: section.text('image_tag', { pattern: /^[\w][\w.-]{0,127}$/, example: '"0.1.0"' }),
  cpu: section.choice('cpu', [256, 512, 1024, 2048, 4096]),
  memory: section.integer('memory_size', 512, 30_720),
  tasks: section.integer('tasks', 1, 100),
  maxBodyMb: section.integer('max_body_mb', 1, 16_384),
  apiKeySha256: section.text('api_key_sha256', { pattern: /^[0-9a-f]{64}$/, example: 'what `printf %s KEY | sha256sum` prints' }),
  certificateArn: section.optionalText('certificate_arn', { pattern: /^arn:aws[\w-]*:acm:/, example: 'arn:aws:acm:...' }),
  logDays: section.choice('log_days', kLogDays),
});
type ServiceSettings = ReturnType<typeof serviceSettings>;

/**
 * The same program as a container on Fargate behind a load balancer, which passes bodies of any size. With a certificate
 * the balancer is public and speaks HTTPS; without one it is reached from within the network only.
 */
export class ServiceStack extends ConfiguredStack {
  constructor(scope: Construct, name: string, networking: NetworkingStack, application: ApplicationStack) {
    super(scope, name, 'rowgate: the container service');
    const settings = this.settings(serviceSettings);
    const balancer = this.makeBalancer(settings, networking);
    const publicUrl = `${settings.certificateArn ? 'https' : 'http'}://${balancer.loadBalancerDnsName}`;
    const place: ProgramPlace = {
      ...application.place,
      publicUrl,
      maxFileMiB: settings.maxBodyMb,
      apiKeySha256: settings.apiKeySha256,
    };
    const tasks = this.makeTasks(settings, place);
    const service = this.makeService(settings, networking, tasks);
    this.addListener(settings, balancer, service);
    if (!networking.hasNat) this.addEndpoints(networking);
    new CfnOutput(this, 'ServiceUrl', { value: publicUrl });
  }

  private makeBalancer(settings: ServiceSettings, networking: NetworkingStack): ApplicationLoadBalancer {
    const isPublic = settings.certificateArn !== undefined;
    const securityGroup = new SecurityGroup(this, 'BalancerGroup', {
      vpc: networking.vpc,
      securityGroupName: this.named('balancer_sg'),
      description: 'rowgate: the load balancer',
      allowAllOutbound: false,
    });
    const from = isPublic ? Peer.anyIpv4() : Peer.ipv4(networking.cidr);
    securityGroup.addIngressRule(from, Port.tcp(isPublic ? 443 : 80), 'callers');
    if (isPublic) acknowledge(securityGroup, { EC23: 'A public service is open to everybody.' });
    const balancer = new ApplicationLoadBalancer(this, 'Balancer', {
      loadBalancerName: this.named('service'),
      vpc: networking.vpc,
      internetFacing: isPublic,
      vpcSubnets: isPublic ? { subnetType: SubnetType.PUBLIC } : networking.privateSubnets,
      securityGroup,
      dropInvalidHeaderFields: true,
      deletionProtection: false,
      idleTimeout: Duration.minutes(10), // a large body takes its time
    });
    const logs = new Bucket(this, 'BalancerLogs', {
      encryption: BucketEncryption.S3_MANAGED, // a load balancer writes to no other kind
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [{ expiration: Duration.days(90) }],
    });
    acknowledge(logs, { S1: 'It is the bucket of logs itself.' });
    balancer.logAccessLogs(logs);
    return balancer;
  }

  private makeTasks(settings: ServiceSettings, place: ProgramPlace): FargateTaskDefinition {
    const tasks = new FargateTaskDefinition(this, 'Tasks', {
      family: this.named('service'),
      cpu: settings.cpu,
      memoryLimitMiB: settings.memory,
      ephemeralStorageGiB: 21 + Math.ceil(settings.maxBodyMb / 1024) * 2, // two of the largest bodies
      volumes: [{ name: 'scratch' }],
    });
    const linuxParameters = new LinuxParameters(this, 'Limits', { initProcessEnabled: false });
    linuxParameters.dropCapabilities(Capability.ALL);
    const repository = Repository.fromRepositoryName(this, 'Images', settings.imageRepository);
    const container = tasks.addContainer('rowgate', {
      image: ContainerImage.fromEcrRepository(repository, settings.imageTag),
      command: ['serve'],
      environment: {
        ...programEnvironment(place),
        ROWGATE_SERVER__LISTEN: `0.0.0.0:${kPort}`,
        ROWGATE_STORAGE__SPOOL: `${kScratch}/spool`,
        ROWGATE_COMPAT__MAX_BYTES: `${place.maxFileMiB}MiB`,
      },
      secrets: { [kLinkKeyVariable]: Secret.fromSecretsManager(place.linkKeys, kLinkKey) },
      user: kUser,
      readonlyRootFilesystem: true,
      linuxParameters,
      stopTimeout: Duration.seconds(60),
      portMappings: [{ containerPort: kPort }],
      healthCheck: { command: kHealth, startPeriod: Duration.seconds(30) },
      logging: LogDrivers.awsLogs({
        streamPrefix: 'rowgate',
        logGroup: new LogGroup(this, 'Logs', {
          logGroupName: `/${this.named('service')}`,
          retention: settings.logDays,
          removalPolicy: kDisposable,
        }),
      }),
    });
    container.addMountPoints({ sourceVolume: 'scratch', containerPath: kScratch, readOnly: false });
    grantProgram(this, tasks.taskRole, place);
    acknowledge(tasks, {
      ECS2: 'The environment holds names and addresses; secrets are read from Secrets Manager.',
    });
    acknowledgeStars(tasks, ['Resource::*'], 'ecr:GetAuthorizationToken has no resources to name.');
    return tasks;
  }

  private makeService(settings: ServiceSettings, networking: NetworkingStack, tasks: FargateTaskDefinition): FargateService {
    const cluster = new Cluster(this, 'Cluster', {
      clusterName: this.named('service'),
      vpc: networking.vpc,
      containerInsightsV2: ContainerInsights.ENABLED,
    });
    const securityGroup = new SecurityGroup(this, 'TaskGroup', {
      vpc: networking.vpc,
      securityGroupName: this.named('service_sg'),
      description: 'rowgate: the container, seen from the load balancer',
      allowAllOutbound: false,
    });
    // Not to be changed from here: the network must not need this stack.
    const toDatabase = SecurityGroup.fromSecurityGroupId(
      this,
      'LambdaGroup',
      networking.lambdaSecurityGroup.securityGroupId,
      { mutable: false },
    );
    return new FargateService(this, 'Service', {
      serviceName: this.named('service'),
      cluster,
      taskDefinition: tasks,
      desiredCount: settings.tasks,
      minHealthyPercent: 100,
      circuitBreaker: { rollback: true },
      vpcSubnets: networking.privateSubnets,
      securityGroups: [securityGroup, toDatabase],
      healthCheckGracePeriod: Duration.minutes(1),
    });
  }

  private addListener(settings: ServiceSettings, balancer: ApplicationLoadBalancer, service: FargateService): void {
    const { certificateArn } = settings;
    const listener = balancer.addListener('Listener', {
      open: false, // the security group says for whom
      ...(certificateArn
        ? {
            port: 443,
            protocol: ApplicationProtocol.HTTPS,
            certificates: [Certificate.fromCertificateArn(this, 'Certificate', certificateArn)],
            sslPolicy: SslPolicy.TLS13_RES,
          }
        : { port: 80, protocol: ApplicationProtocol.HTTP }),
    });
    listener.addTargets('Tasks', {
      port: kPort,
      protocol: ApplicationProtocol.HTTP,
      targets: [service],
      deregistrationDelay: Duration.seconds(30),
      healthCheck: { path: '/readyz', healthyHttpCodes: '200' },
    });
  }

  /** Images come from ECR, which a network without NAT reaches by these. */
  private addEndpoints(networking: NetworkingStack): void {
    for (const [id, service] of [
      ['EcrApi', InterfaceVpcEndpointAwsService.ECR],
      ['EcrDocker', InterfaceVpcEndpointAwsService.ECR_DOCKER],
    ] as const)
      new InterfaceVpcEndpoint(this, id, {
        vpc: networking.vpc,
        service,
        subnets: networking.privateSubnets,
        securityGroups: [networking.endpointSecurityGroup],
        open: false,
      });
  }
}

import {
  FlowLogDestination,
  FlowLogTrafficType,
  GatewayVpcEndpointAwsService,
  InterfaceVpcEndpointAwsService,
  IpAddresses,
  Peer,
  Port,
  SecurityGroup,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2';
import type { SubnetSelection } from 'aws-cdk-lib/aws-ec2';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';

import type { Section } from './config/section';
import { ConfiguredStack, kDisposable, kLogDays } from './configured_stack';

const kServices = {
  secretsmanager: InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
  glue: InterfaceVpcEndpointAwsService.GLUE,
  logs: InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
};

const networkingSettings = (section: Section) => ({
  cidr: section.text('cidr', { pattern: /^(\d{1,3}\.){3}\d{1,3}\/(1[6-9]|2[0-2])$/, example: '10.0.0.0/16' }),
  maxAzs: section.integer('max_azs', 2, 3),
  nat: section.choice('nat', ['none', 'one', 'per_az']),
  endpoints: section.texts('interface_endpoints', Object.keys(kServices)) as (keyof typeof kServices)[],
  flowLogDays: section.choice('flow_log_days', kLogDays),
});

/** The network: subnets, ways to AWS's services without the internet, and who may talk to whom. */
export class NetworkingStack extends ConfiguredStack {
  readonly vpc: Vpc;
  /** Where the database and what runs rowgate lie. */
  readonly privateSubnets: SubnetSelection;
  /** Of what runs rowgate, function or container: may reach the database, and servers by HTTPS. */
  readonly lambdaSecurityGroup: SecurityGroup;
  readonly databaseSecurityGroup: SecurityGroup;
  readonly bastionSecurityGroup: SecurityGroup;
  readonly endpointSecurityGroup: SecurityGroup;
  readonly hasNat: boolean;
  /** Of the whole network. */
  readonly cidr: string;

  constructor(scope: Construct, name: string) {
    super(scope, name, 'rowgate: network');
    const settings = this.settings(networkingSettings);
    this.cidr = settings.cidr;
    this.hasNat = settings.nat !== 'none';
    const privateType = this.hasNat ? SubnetType.PRIVATE_WITH_EGRESS : SubnetType.PRIVATE_ISOLATED;
    this.privateSubnets = { subnetType: privateType };
    this.vpc = new Vpc(this, 'Vpc', {
      vpcName: this.named('vpc'),
      ipAddresses: IpAddresses.cidr(settings.cidr),
      maxAzs: settings.maxAzs,
      natGateways: { none: 0, one: 1, per_az: settings.maxAzs }[settings.nat],
      restrictDefaultSecurityGroup: false, // nothing is in it, and the setting needs a function of its own
      subnetConfiguration: [
        { name: 'public', subnetType: SubnetType.PUBLIC, cidrMask: 24, mapPublicIpOnLaunch: false },
        { name: 'private', subnetType: privateType, cidrMask: 24 },
      ],
    });
    this.addFlowLogs(settings.flowLogDays);

    this.endpointSecurityGroup = this.securityGroup('Endpoints', 'endpoints_sg', 'endpoints of AWS services');
    this.endpointSecurityGroup.addIngressRule(Peer.ipv4(settings.cidr), Port.tcp(443), 'HTTPS from the network');
    this.lambdaSecurityGroup = this.securityGroup('Lambda', 'lambda_sg', 'what runs rowgate');
    this.databaseSecurityGroup = this.securityGroup('AuroraDb', 'auroradb_sg', 'the database');
    this.bastionSecurityGroup = this.securityGroup('Bastion', 'bastion_sg', 'the bastion');
    for (const client of [this.lambdaSecurityGroup, this.bastionSecurityGroup]) {
      client.addEgressRule(Peer.anyIpv4(), Port.tcp(443), 'HTTPS to AWS services');
      this.databaseSecurityGroup.connections.allowFrom(client, Port.tcp(3306), 'MySQL');
    }
    this.addEndpoints(settings.endpoints);
  }

  private securityGroup(id: string, name: string, of: string): SecurityGroup {
    const securityGroupName = this.named(name);
    const description = `rowgate: ${of}`;
    return new SecurityGroup(this, id, { vpc: this.vpc, securityGroupName, description, allowAllOutbound: false });
  }

  private addFlowLogs(days: number): void {
    const logGroup = new LogGroup(this, 'FlowLogs', {
      logGroupName: `/${this.named('network')}/flow`,
      retention: days,
      removalPolicy: kDisposable,
    });
    this.vpc.addFlowLog('All', {
      destination: FlowLogDestination.toCloudWatchLogs(logGroup),
      trafficType: FlowLogTrafficType.ALL,
    });
  }

  private addEndpoints(names: (keyof typeof kServices)[]): void {
    this.vpc.addGatewayEndpoint('S3', { service: GatewayVpcEndpointAwsService.S3 });
    for (const name of names)
      this.vpc.addInterfaceEndpoint(name, {
        service: kServices[name],
        subnets: this.privateSubnets,
        securityGroups: [this.endpointSecurityGroup],
        open: false, // the security group says from where
      });
  }
}

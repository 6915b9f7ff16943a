import { RemovalPolicy } from 'aws-cdk-lib';
import {
  AccessLogFormat,
  CfnAccount,
  EndpointType,
  LambdaIntegration,
  LogGroupLogDestination,
  MethodLoggingLevel,
  Period,
  ResponseType,
  RestApi,
  Stage,
} from 'aws-cdk-lib/aws-apigateway';
import type { IResource, StageOptions } from 'aws-cdk-lib/aws-apigateway';
import { ManagedPolicy, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';

import type { ApiSettings } from './application_settings';
import type { ConfiguredStack } from './configured_stack';
import { kDisposable } from './configured_stack';
import { acknowledge, acknowledgePolicies } from './nag';

/** What is answered, to whom: `open` needs no key (a link carries its own signature). */
const kRoutes: { path: string; methods: string[]; open?: boolean }[] = [
  { path: 'db_migration', methods: ['POST'] },
  { path: 'first_sql_requirement', methods: ['GET'] },
  { path: 'second_sql_requirement', methods: ['GET'] },
  { path: 'v1', methods: ['GET'] },
  { path: 'v1/{proxy+}', methods: ['ANY'] },
  { path: 'd/{proxy+}', methods: ['GET', 'HEAD'], open: true },
  { path: 'problems/{proxy+}', methods: ['GET'], open: true },
];

const kTooLarge =
  'the body is too large for this address; POST /v1/sources gives an address that takes files up to 5 GB';
const kTooSlow = 'the answer took more than 29 seconds; what was asked for may still be going on: GET /v1/runs';

/** The address of `stage`, without the slash at its end. */
export function stageUrl(api: RestApi, stage: string): string {
  return `https://${api.restApiId}.execute-api.${api.stack.region}.${api.stack.urlSuffix}/${stage}`;
}

/** The API, all of whose routes lead to `program`, and its stages. */
export function makeApi(stack: ConfiguredStack, program: IFunction, settings: ApiSettings, logDays: number) {
  const [first, ...others] = settings.stages as [string, ...string[]];
  const accessLogs = new LogGroup(stack, 'ApiAccess', {
    logGroupName: `/${stack.named('api')}/access`,
    retention: logDays,
    removalPolicy: kDisposable,
  });
  const options = (stageName: string): StageOptions => ({
    stageName,
    throttlingRateLimit: settings.requestsPerSecond,
    throttlingBurstLimit: settings.burst,
    metricsEnabled: true,
    loggingLevel: MethodLoggingLevel.ERROR,
    dataTraceEnabled: false, // bodies are people's data
    accessLogDestination: new LogGroupLogDestination(accessLogs),
    accessLogFormat: AccessLogFormat.jsonWithStandardFields(),
  });
  const api = new RestApi(stack, 'Api', {
    restApiName: stack.named('api'),
    description: 'rowgate: CSV in, reports out',
    endpointTypes: [EndpointType.REGIONAL],
    binaryMediaTypes: ['*/*'], // every body arrives byte for byte
    cloudWatchRole: false, // see allowLogs()
    deployOptions: options(first),
  });
  const account = allowLogs(stack);
  const stages = [
    api.deploymentStage,
    ...others.map((name) => new Stage(api, `Stage-${name}`, { ...options(name), deployment: api.latestDeployment! })),
  ];
  for (const stage of stages) stage.node.addDependency(account);
  addRoutes(api, program, settings);
  addOwnAnswers(api, settings);
  acknowledge(api, {
    APIG2: 'The program judges every request itself, and its answers say what is wrong with it.',
    APIG3: 'A web firewall costs more than the rest; throttling and the usage plan bound what callers can do.',
    APIG4: 'Callers send an API key of the usage plan; links to reports carry a signature that ends.',
    COG4: 'There are no users to sign in: callers are programs with an API key.',
  });
  return { api, stages };
}

/** What the gateway answers without asking the program: browsers may read it, and it names the way out. */
function addOwnAnswers(api: RestApi, settings: ApiSettings): void {
  for (const [type, detail] of [
    [ResponseType.REQUEST_TOO_LARGE, kTooLarge],
    [ResponseType.INTEGRATION_TIMEOUT, kTooSlow],
    [ResponseType.DEFAULT_4XX, undefined],
    [ResponseType.DEFAULT_5XX, undefined],
  ] as const)
    api.addGatewayResponse(type.responseType, {
      type,
      responseHeaders: { 'Access-Control-Allow-Origin': `'${settings.corsOrigin}'` },
      ...(detail && { templates: { 'application/json': JSON.stringify({ message: detail }) } }),
    });
}

/** API Gateway may write logs: one setting for the whole account, which outlives this stack. */
function allowLogs(stack: ConfiguredStack): CfnAccount {
  const policy = 'service-role/AmazonAPIGatewayPushToCloudWatchLogs';
  const role = new Role(stack, 'ApiLogs', {
    assumedBy: new ServicePrincipal('apigateway.amazonaws.com'),
    managedPolicies: [ManagedPolicy.fromAwsManagedPolicyName(policy)],
  });
  acknowledgePolicies(role, [policy], 'The policy that API Gateway asks for to write logs.');
  role.applyRemovalPolicy(RemovalPolicy.RETAIN); // the account goes on using it
  return new CfnAccount(stack, 'ApiAccount', { cloudWatchRoleArn: role.roleArn });
}

/** All routes lead to the function, which also answers the browsers' preflight requests. */
function addRoutes(api: RestApi, program: IFunction, settings: ApiSettings): void {
  const integration = new LambdaIntegration(program, { scopePermissionToMethod: false });
  for (const { path, methods, open } of kRoutes) {
    const resource: IResource = api.root.resourceForPath(path);
    const apiKeyRequired = settings.needsKey && !open;
    for (const method of methods) resource.addMethod(method, integration, { apiKeyRequired });
    if (!open) resource.addMethod('OPTIONS', integration, { apiKeyRequired: false });
  }
}

/** A key for the callers, and how much they may ask for with it. */
export function addUsagePlan(stack: ConfiguredStack, api: RestApi, stages: Stage[], settings: ApiSettings): string {
  const key = api.addApiKey('Key', { apiKeyName: stack.named('callers'), description: 'rowgate: callers of the API' });
  const plan = api.addUsagePlan('Plan', {
    name: stack.named('callers'),
    throttle: { rateLimit: settings.requestsPerSecond, burstLimit: settings.burst },
    quota: { limit: settings.requestsPerDay, period: Period.DAY },
    apiStages: stages.map((stage) => ({ stage })),
  });
  plan.addApiKey(key);
  return key.keyId;
}

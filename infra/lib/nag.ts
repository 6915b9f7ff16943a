import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Rules of cdk-nag that do not hold for `scope` and all in it, each with the reason. */
export function acknowledge(scope: IConstruct, reasons: Record<string, string>): void {
  for (const [id, reason] of Object.entries(reasons)) Validations.of(scope).acknowledge({ id: `AwsSolutions-${id}`, reason });
}

/** The same for policies of AWS by their names: `service-role/AWSLambdaVPCAccessExecutionRole`. */
export function acknowledgePolicies(scope: IConstruct, names: string[], reason: string): void {
  for (const name of names) acknowledge(scope, { [`IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/${name}]`]: reason });
}

/** The same for rights with a star in them: `Action::s3:List*`, `Resource::*`. */
export function acknowledgeStars(scope: IConstruct, findings: string[], reason: string): void {
  for (const finding of findings) acknowledge(scope, { [`IAM5[${finding}]`]: reason });
}

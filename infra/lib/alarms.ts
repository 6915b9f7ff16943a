import { Duration } from 'aws-cdk-lib';
import type { RestApi } from 'aws-cdk-lib/aws-apigateway';
import { ComparisonOperator, TreatMissingData } from 'aws-cdk-lib/aws-cloudwatch';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { Function } from 'aws-cdk-lib/aws-lambda';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Queue } from 'aws-cdk-lib/aws-sqs';

import type { ConfiguredStack } from './configured_stack';

/** What is watched. */
export interface Watched {
  readonly program: Function;
  readonly api: RestApi;
  readonly failedEvents: Queue;
  readonly windowHours: number;
  readonly email: string | undefined;
}

/** Alarms that tell a topic, and by it an address, of the first failure within the window. */
export function addAlarms(stack: ConfiguredStack, watched: Watched): void {
  const topic = new Topic(stack, 'Alarms', { topicName: stack.named('alarms'), enforceSSL: true });
  // Its policy, which refuses what is not TLS, takes the place of the one that lets the account's own alarms in.
  topic.grantPublish(new ServicePrincipal('cloudwatch.amazonaws.com'));
  if (watched.email) topic.addSubscription(new EmailSubscription(watched.email));
  const window = { period: Duration.hours(watched.windowHours), statistic: 'Sum' };
  const alarm = (name: string, alarmDescription: string, metric: Metric) =>
    metric
      .createAlarm(stack, `Alarm-${name}`, {
        alarmName: stack.named(name),
        alarmDescription,
        threshold: 1,
        evaluationPeriods: 1,
        comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
        treatMissingData: TreatMissingData.NOT_BREACHING,
      })
      .addAlarmAction(new SnsAction(topic));
  alarm('function-errors', 'an invocation of rowgate failed', watched.program.metricErrors(window));
  alarm('function-throttles', 'more calls at once than reserved_concurrent_executions', watched.program.metricThrottles(window));
  alarm('api-5xx', 'the API answered 5xx', watched.api.metricServerError(window));
  alarm(
    'failed-uploads',
    'a file that arrived in the bucket could not be loaded; its event is in the queue',
    watched.failedEvents.metricApproximateNumberOfMessagesVisible({ period: Duration.minutes(5), statistic: 'Maximum' }),
  );
}

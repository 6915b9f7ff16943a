#pragma once

// What AWS Lambda is invoked with. An event is JSON whose form tells who sent it.

#include "base/error.h"
#include "http/in_process.h"

#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace rowgate::lambda {

/// Somebody's HTTP request, by way of an API gateway or a function URL.
struct HttpEvent {
  http::WholeRequest request;
};

/// Objects that were put into a bucket, by the bucket's own notification or by EventBridge.
struct ObjectsEvent {
  struct Object {
    std::string bucket, key;   ///< the key whole and decoded
    std::string version = {};  ///< tells it from what lay under the key before: version, else ETag
  };
  std::vector<Object> objects = {};
};

/// What is only to be acknowledged: S3's own try of a notification.
struct NothingEvent {};

/// The clock's: time to tidy up.
struct ScheduleEvent {};

using Event = std::variant<HttpEvent, ObjectsEvent, NothingEvent, ScheduleEvent>;

/// Reads an event: REST API (payload version 1.0, a load balancer's too), HTTP API and function URL (2.0),
/// S3, EventBridge. Fails with request.malformed for what is no JSON object, with request.invalid for an
/// event that is none of these; the message names what it is.
Result<Event> read_event(std::string_view text);

}  // namespace rowgate::lambda

#pragma once

#include "http/message.h"
#include "http/service.h"

namespace rowgate::http {

/// The answer of /livez. Waits for nothing.
Response liveness(const Service& service);

}  // namespace rowgate::http

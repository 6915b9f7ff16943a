#pragma once

#include "http/handlers/health.h"
#include "http/metrics.h"
#include "http/refreshed.h"

namespace rowgate::http {

/// What anybody may ask for, as often as they like, and what costs the database or the storage something:
/// found out once in a while. Thread safe.
struct Measured {
  explicit Measured(const Service& service);
  Refreshed<std::vector<Check>> checks;
  Refreshed<std::vector<Metrics::Now::Table>> tables;  ///< counted rows, of configured tables
  Refreshed<bool> database_answers;
};

}  // namespace rowgate::http

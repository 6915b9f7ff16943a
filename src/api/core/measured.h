#pragma once

#include "api/core/health.h"
#include "api/core/metrics.h"
#include "api/core/refreshed.h"

namespace rowgate::api {

/// Rows and version of each configured table. Counts.
std::vector<Metrics::Now::Table> measure_tables(const Service& service);

/// What anybody may ask for, as often as they like, and what costs the database or the storage something:
/// found out once in a while. Thread safe.
struct Measured {
  explicit Measured(const Service& service);
  Refreshed<std::vector<Check>> checks;
  Refreshed<std::vector<Metrics::Now::Table>> tables;  ///< counted rows, of configured tables
  Refreshed<bool> database_answers;
};

}  // namespace rowgate::api

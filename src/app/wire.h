#pragma once

#include "app/config.h"
#include "db/database.h"
#include "store/store.h"

#include <memory>

namespace rowgate::app {

/// The only place that picks implementations: the database and the store that a configuration names.
std::unique_ptr<db::Database> make_database(const Config& config);
std::unique_ptr<store::Store> make_store(const Config& config);

}  // namespace rowgate::app

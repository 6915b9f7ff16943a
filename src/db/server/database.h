#pragma once

#include "db/server/engine.h"

namespace rowgate::db::server {

/// `reader` runs queries; empty: `engine` does. At most `pool` sessions wait for short work, and as many
/// loads may run at once.
std::unique_ptr<Database> make_database(std::unique_ptr<Engine> engine, std::unique_ptr<Engine> reader,
                                        const Patience& patience, unsigned pool);

}  // namespace rowgate::db::server

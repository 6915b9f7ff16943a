#pragma once

#include "config/config.h"
#include "db/database.h"
#include "store/link_signer.h"
#include "store/store.h"

#include <chrono>
#include <memory>

namespace rowgate::app {

/// How long a write waits for other writers of a SQLite database.
inline constexpr std::chrono::seconds kLockWait{10};

/// The only place that picks implementations: the database and the store that a configuration names.
std::unique_ptr<db::Database> make_database(const config::Config& config);
std::unique_ptr<store::Store> make_store(const config::Config& config);
/// The keys of links: those in links.keys or links.keys.file, else those in the store, made where there are
/// none yet. Fails as LinkSigner::from_file() and s3_link_signer() do.
Result<store::LinkSigner> make_link_signer(const config::Config& config);
/// What links lead to where they are direct ones: the store itself; else null.
store::AddressSigner* direct_links_of(const config::Config& config, store::Store& store);

}  // namespace rowgate::app

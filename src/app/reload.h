#pragma once

#include "api/core/service.h"
#include "config/config.h"

#include <string_view>

namespace rowgate::app {

/// Whether a server takes the setting over only when it is started again: where it listens, what it has open,
/// and what sizes its threads and pools.
bool needs_restart(std::string_view setting);

/// What differs: of settings that count at once from `last`, which counted before; of the others from
/// `started`, which the server runs with.
api::Reloaded differences(const config::LoadedConfig& started, const config::LoadedConfig& last,
                          const config::LoadedConfig& now);

/// `fresh`, but as `running` where that needs a restart. `own_url` is where the server listens, for links
/// where no public_url is given.
api::Settings settings_to_take(api::Settings fresh, const api::Settings& running, std::string own_url);

/// Fails where others could reach a server that asks for no keys, unless that is allowed.
Result<void> refuse_public_without_keys(const api::Settings& settings);

/// The permission of pages of other sites where none is configured: none where nobody but this machine's
/// users is to reach the server.
void close_to_other_sites(api::Settings& settings);

}  // namespace rowgate::app

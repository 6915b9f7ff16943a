#pragma once

#include "db/server/engine.h"
#include "db/server_address.h"

namespace rowgate::db::mysql {

std::unique_ptr<server::Engine> make_engine(const ServerAddress& address, std::chrono::milliseconds lock_wait,
                                            std::chrono::milliseconds silence = std::chrono::minutes(1));

}  // namespace rowgate::db::mysql

#pragma once

#include "store/store.h"

#include <string>

namespace rowgate::store {

/// The random id that a store carries in its file `identity`, made by whoever asks first. It tells two stores
/// apart whatever address they are reached by. Fails as the store does.
Result<std::string> identity_of(Store& store);

}  // namespace rowgate::store

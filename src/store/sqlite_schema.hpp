#pragma once
// The file's format: its tables, its versions and how an old file becomes a new one.
#include <span>
#include <string_view>

#include "store/sqlite_connection.hpp"

namespace store::sqlite {

// "PPth" in PRAGMA application_id: a file with another one is not ours.
inline constexpr std::int64_t kApplicationId = 0x50507468;

// SQL that brings a file from version i (PRAGMA user_version) to version i + 1. Published steps never change.
std::span<const std::string_view> migrations();

// Both throw Error{dependency_unavailable}, and change nothing then. The first when the file is another application's,
// newer than `steps` or cannot be written. The second runs the missing steps, each in a transaction of its own.
void check_ours(Connection& connection, std::span<const std::string_view> steps = migrations());
void bring_up_to_date(Connection& connection, std::span<const std::string_view> steps = migrations());

}  // namespace store::sqlite

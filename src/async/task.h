// A coroutine of ours: `Task<Result<T>>` is the normal return type of what waits.
//
// A Task does nothing until it is awaited or spawned (spawn.h), and is awaited once. It runs on the
// thread of its Loop. Reference parameters are fine where the caller awaits at once; a spawned Task
// takes values.
//
// Cancellation is one notion for a whole request: whoever spawned the root cancels it, and whatever
// the tree awaits at that moment returns kCancelled. Everything awaited later returns kCancelled at
// once. Nothing is thrown.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace weir {

template <class T = void>
using Task = boost::asio::awaitable<T>;

// Where coroutines of one Loop run. Copyable; posting through it is allowed from any thread.
using Executor = boost::asio::any_io_executor;

}  // namespace weir

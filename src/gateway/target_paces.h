// How fast each target answered lately: what the choice by expected seconds goes by. Told of whole
// answers; the newest counts most. Engines tell their own times with an answer; at a provider the
// time until the answer began has its queue, the prompt and the way in it.
//
// One thread; forgotten with the program.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "backends/backend.h"
#include "base/clock.h"
#include "chat/event.h"
#include "routing/seconds.h"

namespace weir::gateway {

class TargetPaces {
 public:
  static constexpr size_t kTargetsMax = 1024;

  // An answer of an engine, which `open` other requests were at when it was asked.
  void Answered(const std::string& target, const chat::Done& done, size_t open);
  // An answer of a provider, by the times from when it was asked.
  void Answered(const std::string& target, const chat::Usage& usage, Duration first,
                Duration whole);

  // Of an engine's model that stands so.
  routing::Speed SpeedOf(const std::string& target, const backends::Residence& residence) const;
  // Of a provider's.
  routing::Speed SpeedOf(const std::string& target) const;

 private:
  // Sums of amounts and of what they took or were counted over; the old ones fade.
  class Ratio {
   public:
    void Add(double amount, double over);
    // Rounded, times `unit`; nothing before something was added.
    std::optional<int64_t> Times(double unit) const;

   private:
    double amount_ = 0;
    double over_ = 0;
  };
  struct Figures {
    Ratio prefill = {};  // tokens, ms
    Ratio decode = {};
    Ratio queue = {};   // ms, requests that were there
    Ratio first = {};   // ms, answers
    Ratio answer = {};  // tokens, answers
  };
  Figures& Of(const std::string& target);
  static routing::Speed RatesOf(const Figures& figures);

  std::map<std::string, Figures> targets_ = {};
};

}  // namespace weir::gateway

#include "controlplane/cli/search_minimise.h"

#include <algorithm>
#include <type_traits>

namespace weir::controlplane::cli {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kRunsMax = 400;
constexpr uint64_t kInsnsMax = 100'000;

class Minimiser {
public:
    Minimiser(SearchBench& bench, SearchInput input, const vm::Rejection& rejection,
              Clock::time_point deadline)
        : bench_(bench),
          rejection_(rejection),
          deadline_(deadline),
          least_(std::move(input)),
          wanted_(look(least_)) {}

    SearchInput run() {
        if (!wanted_) return least_;
        drop_surroundings();
        shorten();
        clear_bytes();
        drop_surroundings();
        lower_numbers();
        return least_;
    }

private:
    std::optional<Breach> look(const SearchInput& input) {
        ++runs_;
        Shadow shadow(rejection_);
        const SearchRun run = bench_.run(input, kInsnsMax, &shadow);
        return breach_of(bench_, input, rejection_, run, shadow);
    }

    /// True: `smaller` goes wrong just so, and is what is left.
    bool take(SearchInput smaller) {
        if (runs_ >= kRunsMax || Clock::now() >= deadline_ || smaller == least_) return false;
        const auto breach = look(smaller);
        if (!breach || !is_alike(*breach)) return false;
        least_ = std::move(smaller);
        return true;
    }

    bool is_alike(const Breach& breach) const {
        return breach.kind == wanted_->kind &&
               (breach.insn == wanted_->insn || is_at_suspect(breach, rejection_));
    }

    /// `change` takes a copy of what is left.
    template <typename Change>
    bool take_changed(const Change& change) {
        SearchInput smaller = least_;
        change(smaller);
        return take(std::move(smaller));
    }

    void drop_surroundings() {
        const SearchInput plain = bench_.first_input(least_.packet.size());
        for (size_t i = 0; i < plain.context.size(); ++i)
            take_changed([&](SearchInput& input) { input.context[i] = plain.context[i]; });
        take_changed([&](SearchInput& input) { input.globals = plain.globals; });
        take_changed([](SearchInput& input) { input.results.clear(); });
        take_changed([](SearchInput& input) { input.lookups.clear(); });
        for (size_t i = least_.lookups.size(); i-- > 0;) {
            take_changed([&](SearchInput& input) { input.lookups[i] = {}; });
            take_changed([&](SearchInput& input) { input.lookups[i].value.clear(); });
        }
        while (!least_.lookups.empty() && least_.lookups.back() == LookupChoice{})
            least_.lookups.pop_back();
        const std::map<uint32_t, uint64_t> results = least_.results;
        for (const auto& [call, number] : results)
            take_changed([&](SearchInput& input) { input.results.erase(call); });
        for (auto& [map, bytes] : plain.globals)
            take_changed([&](SearchInput& input) { input.globals[map] = bytes; });
    }

    /// Halves it, and takes steps of one, as long as it still goes wrong.
    template <typename At>
    void lower(const At& at) {
        constexpr uint32_t kStepsMax = 8;
        const auto lower_to = [&](uint64_t number) {
            return take_changed([&](SearchInput& input) {
                auto& place = at(input);
                place = static_cast<std::remove_reference_t<decltype(place)>>(number);
            });
        };
        while (at(least_) > 1 && lower_to(at(least_) / 2)) continue;
        for (uint32_t i = 0; i < kStepsMax && at(least_) > 1 && lower_to(at(least_) - 1); ++i)
            continue;
    }

    void lower_numbers() {
        const SearchInput plain = bench_.first_input(least_.packet.size());
        for (size_t i = 0; i < plain.context.size(); ++i)
            if (least_.context[i] != plain.context[i])
                lower([i](SearchInput& input) -> uint32_t& { return input.context[i]; });
        for (size_t i = 0; i < least_.packet.size(); ++i)
            if (least_.packet[i] != 0)
                lower([i](SearchInput& input) -> uint8_t& { return input.packet[i]; });
    }

    void clear_values() {
        for (size_t i = 0; i < least_.lookups.size(); ++i)
            for (size_t chunk = least_.lookups[i].value.size(); chunk > 0; chunk /= 2)
                for (size_t low = 0; low < least_.lookups[i].value.size(); low += chunk)
                    take_changed(
                        [&](SearchInput& input) { clear(input.lookups[i].value, low, chunk); });
    }

    static void clear(Bytes& bytes, size_t low, size_t count) {
        const size_t high = std::min(low + count, bytes.size());
        std::fill(bytes.begin() + static_cast<ptrdiff_t>(low),
                  bytes.begin() + static_cast<ptrdiff_t>(high), uint8_t{0});
    }

    void shorten() {
        for (size_t step = std::max<size_t>(least_.packet.size() / 2, 1); step > 0;) {
            const size_t bytes = least_.packet.size();
            const bool shorter =
                bytes >= kFrameBytesMin + step &&
                take_changed([&](SearchInput& input) { input.packet.resize(bytes - step); });
            if (!shorter) step /= 2;
        }
    }

    void clear_bytes() {
        for (size_t chunk = std::max<size_t>(least_.packet.size(), 1); chunk > 0; chunk /= 2)
            for (size_t low = 0; low < least_.packet.size(); low += chunk)
                take_changed([&](SearchInput& input) { clear(input.packet, low, chunk); });
        clear_values();
    }

    SearchBench& bench_;
    const vm::Rejection& rejection_;
    Clock::time_point deadline_;
    uint32_t runs_ = 0;
    SearchInput least_;
    std::optional<Breach> wanted_;
};

}  // namespace

SearchInput minimised(SearchBench& bench, const SearchInput& input, const vm::Rejection& rejection,
                      Clock::time_point deadline) {
    return Minimiser(bench, input, rejection, deadline).run();
}

}  // namespace weir::controlplane::cli

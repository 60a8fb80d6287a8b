/*
 * The 32 bytes that a wave device and its clients share.
 *
 * The segment is System V shared memory with the key ftok(directory, 'x'). It
 * may be larger than this struct: clients read the first 32 bytes and ignore
 * the rest, so shmget(key, sizeof(struct wave), 0666) finds either kind.
 */
#ifndef WAVE_H
#define WAVE_H

#include <stddef.h>
#include <stdint.h>

enum wave_state {
  WAVE_OFF = 0,
  WAVE_ON = 1,
  WAVE_INITIALIZING = 2,
  WAVE_PAUSED = 3,
  WAVE_CLOSING = 4,
  WAVE_CONFIG = 5,
};

enum wave_form {
  WAVE_SIN = 0, /* sine */
  WAVE_TRI = 1, /* triangle */
  WAVE_QUA = 2, /* square */
};

struct wave {
  int32_t state;    /* enum wave_state */
  int32_t waveform; /* enum wave_form */
  int32_t value;    /* the newest sample, at most 2^(bits - 1) either way */
  double time;      /* device time of that sample, in seconds */
  double period;    /* in seconds */
};

_Static_assert(sizeof(struct wave) == 32, "struct wave is 32 bytes");
_Static_assert(offsetof(struct wave, state) == 0, "state is at 0");
_Static_assert(offsetof(struct wave, waveform) == 4, "waveform is at 4");
_Static_assert(offsetof(struct wave, value) == 8, "value is at 8");
_Static_assert(offsetof(struct wave, time) == 16, "time is at 16");
_Static_assert(offsetof(struct wave, period) == 24, "period is at 24");

/* The project id that goes into ftok() together with the directory. */
#define WAVE_PROJECT 'x'

/* Null for a number that is no state: shared memory may hold anything. */
static inline const char *wave_state_name(int32_t state) {
  switch (state) {
    case WAVE_OFF: return "off";
    case WAVE_ON: return "on";
    case WAVE_INITIALIZING: return "initializing";
    case WAVE_PAUSED: return "paused";
    case WAVE_CLOSING: return "closing";
    case WAVE_CONFIG: return "config";
    default: return NULL;
  }
}

/* Null for a number that is no waveform. */
static inline const char *wave_form_name(int32_t waveform) {
  switch (waveform) {
    case WAVE_SIN: return "SIN";
    case WAVE_TRI: return "TRI";
    case WAVE_QUA: return "QUA";
    default: return NULL;
  }
}

#endif

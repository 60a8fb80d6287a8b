#!/usr/bin/env perl
# System V IPC with Perl's own shmget, semop, msgsnd and so on: a peer for the
# interop tests. It needs only perl-base, not IPC::SysV.
#
#   perl ipc.pl shm create KEY SIZE            prints `id N`
#   perl ipc.pl shm write KEY OFFSET TEXT
#   perl ipc.pl shm read KEY OFFSET LENGTH     prints `hex …`
#   perl ipc.pl sem create KEY COUNT           prints `id N`
#   perl ipc.pl sem op KEY INDEX:DELTA[:FLAGS]…    FLAGS: n nowait, u undo
#   perl ipc.pl sem value KEY                  prints `values …`
#   perl ipc.pl sem set KEY INDEX VALUE
#   perl ipc.pl sem hold KEY INDEX             -1 with SEM_UNDO, `held`, waits
#   perl ipc.pl msg create KEY                 prints `id N`
#   perl ipc.pl msg send KEY TYPE TEXT [NOWAIT]
#   perl ipc.pl msg recv KEY TYPE [NOWAIT]     prints `type N`, `length N`, `hex …`
#   perl ipc.pl shm|sem|msg rm KEY
#
# Arguments, output and exit status are those of peer.h: `error CALL ERRNO
# MESSAGE` on standard error and status 1 for a failed call, 2 for wrong usage.
use strict;
use warnings;

# The values of <sys/ipc.h> and <sys/sem.h> on Linux.
use constant {
  IPC_CREAT  => 01000,
  IPC_NOWAIT => 04000,
  IPC_RMID   => 0,
  SEM_UNDO   => 0x1000,
  GETALL     => 13,
  SETVAL     => 16,
  MOST_BYTES => 1 << 20,
};

$| = 1;
alarm 120;    # if its test has died, the peer ends by itself

sub wrong_usage { print STDERR "usage: see the head of ipc.pl\n"; exit 2 }

sub fail {
  my ($call) = @_;
  printf STDERR "error %s %d %s\n", $call, $! + 0, $!;
  exit 1;
}

# The get and ctl calls return undef on failure; an identifier may be 0.
sub check { return $_[1] // fail($_[0]) }

# The others return a boolean.
sub succeed { return $_[1] || fail($_[0]) }

sub number {
  my ($text) = @_;
  wrong_usage() unless defined $text && $text =~ /^[-+]?(0x[0-9a-f]+|\d+)$/i;
  return $text =~ /^0/ ? oct $text : $text + 0;
}

# A key has 32 bits: 0x80000000 and -2147483648 are the same key.
sub key { return unpack 'l', pack 'L', number($_[0]) & 0xffffffff }

sub find {
  my ($kind, $target) = @_;
  return number($1) if $target =~ /^id:(\d+)$/;
  my $key = key($target);
  return check('shmget', shmget($key, 0, 0)) if $kind eq 'shm';
  return check('semget', semget($key, 0, 0)) if $kind eq 'sem';
  return check('msgget', msgget($key, 0));
}

sub sem_operations {
  return join '', map {
    my ($index, $delta, $letters) = /^(\d+):([-+]?\d+)(?::([nu]+))?$/
      or wrong_usage();
    my $flags = 0;
    $flags |= IPC_NOWAIT if ($letters // '') =~ /n/;
    $flags |= SEM_UNDO if ($letters // '') =~ /u/;
    pack 's3', $index, $delta, $flags;
  } @_;
}

my $get = IPC_CREAT | 0600;

my %verbs = (
  'shm create' => sub {
    my ($key, $size) = @_;
    printf "id %d\n", check('shmget', shmget(key($key), number($size), $get));
  },
  'shm write' => sub {
    my ($key, $offset, $text) = @_;
    my $id = find('shm', $key);
    succeed('shmwrite', shmwrite($id, $text, number($offset), length $text));
  },
  'shm read' => sub {
    my ($key, $offset, $length) = @_;
    my $bytes = '';
    succeed('shmread',
      shmread(find('shm', $key), $bytes, number($offset), number($length)));
    printf "hex %s\n", unpack 'H*', $bytes;
  },
  'shm rm' => sub { check('shmctl', shmctl(find('shm', $_[0]), IPC_RMID, 0)) },

  'sem create' => sub {
    my ($key, $count) = @_;
    printf "id %d\n", check('semget', semget(key($key), number($count), $get));
  },
  'sem op' => sub {
    my ($key, @texts) = @_;
    succeed('semop', semop(find('sem', $key), sem_operations(@texts)));
  },
  'sem value' => sub {
    my $values = '';
    check('semctl', semctl(find('sem', $_[0]), 0, GETALL, $values));
    print join(' ', 'values', unpack 'S*', $values), "\n";
  },
  'sem set' => sub {
    my ($key, $index, $value) = @_;
    my $id = find('sem', $key);
    check('semctl', semctl($id, number($index), SETVAL, number($value)));
  },
  'sem hold' => sub {
    my ($key, $index) = @_;
    succeed('semop', semop(find('sem', $key), sem_operations("$index:-1:u")));
    print "held\n";
    sleep while 1;
  },
  'sem rm' => sub { check('semctl', semctl(find('sem', $_[0]), 0, IPC_RMID, 0)) },

  'msg create' => sub {
    printf "id %d\n", check('msgget', msgget(key($_[0]), $get));
  },
  'msg send' => sub {
    my ($key, $type, $text, $wait) = @_;
    my $flags = ($wait // '') eq 'NOWAIT' ? IPC_NOWAIT : 0;
    my $message = pack 'l! a*', number($type), $text;
    succeed('msgsnd', msgsnd(find('msg', $key), $message, $flags));
  },
  'msg recv' => sub {
    my ($key, $type, $wait) = @_;
    my $flags = ($wait // '') eq 'NOWAIT' ? IPC_NOWAIT : 0;
    my $message = '';
    succeed('msgrcv',
      msgrcv(find('msg', $key), $message, MOST_BYTES, number($type), $flags));
    my ($got, $text) = unpack 'l! a*', $message;
    printf "type %d\nlength %d\nhex %s\n", $got, length $text, unpack 'H*', $text;
  },
  'msg rm' => sub { check('msgctl', msgctl(find('msg', $_[0]), IPC_RMID, 0)) },
);

# The minimum number of arguments after the verb.
my %needed = (
  create => { shm => 2, sem => 2, msg => 1 },
  write => 3, read => 3, op => 2, value => 1, set => 3, hold => 2,
  send => 3, recv => 2, rm => 1,
);

my ($kind, $verb, @arguments) = @ARGV;
wrong_usage() unless defined $verb && exists $verbs{"$kind $verb"};
my $least = $needed{$verb};
$least = $least->{$kind} if ref $least;
wrong_usage() if @arguments < $least;
$verbs{"$kind $verb"}->(@arguments);

# Counts its visits in /data, which outlives the container.
use strict;
use warnings;
use IO::Socket::INET;

my $greeting = "Hello";
my $file     = "/data/visits";

$| = 1;
$SIG{TERM} = sub { exit 0 };
my $server = IO::Socket::INET->new( LocalPort => 8000, Listen => 16, ReuseAddr => 1 )
    or die "cannot listen: $!\n";
print "listening on port 8000\n";

while ( my $visitor = $server->accept ) {
    my ( undef, $path ) = split / /, <$visitor> // "";
    while ( defined( my $line = <$visitor> ) ) { last if $line =~ /^\r?$/ }
    my $text = ( $path // "" ) eq "/healthz" ? "well\n" : $greeting . ", visit " . count() . "\n";
    print $visitor "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n$text";
    close $visitor;
}

sub count {
    my $visits = 0;
    if ( open my $old, "<", $file ) { $visits = <$old> }
    $visits++;
    open my $new, ">", $file or die "cannot write $file: $!\n";
    print $new $visits;
    close $new or die "cannot write $file: $!\n";
    return $visits;
}

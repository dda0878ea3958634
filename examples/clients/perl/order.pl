#!/usr/bin/perl
# Everything that the extension does over HTTP, with what comes with Perl.
use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;

$| = 1;
my $json = JSON::PP->new->utf8->allow_nonref->canonical;

sub call {
    my ($method, $path, $body) = @_;
    my $port = $ENV{POWERTOOLS_EXTENSION_HTTP_PORT} // 2773;
    # Under SnapStart the token is in the second variable. It is read for each
    # call, because a restored sandbox has another one.
    my $token = $ENV{AWS_SESSION_TOKEN} // $ENV{AWS_CONTAINER_AUTHORIZATION_TOKEN};
    # no_proxy: a proxy in the environment is not for the sandbox's own port.
    my $answer = HTTP::Tiny->new(timeout => 5, no_proxy => ['127.0.0.1'])->request(
        $method, "http://127.0.0.1:$port$path",
        { headers => { 'X-Aws-Parameters-Secrets-Token' => $token }, content => $body // '' });
    die "$answer->{status} $answer->{content}" unless $answer->{success};    # the error document: it has no values
    return ($answer->{status}, $answer->{content});
}

my $order = $ARGV[0];
my (undef, $greeting) = call('GET', '/parameters/ssm/demo/greeting?format=text');
my $burst = $json->decode((call('GET', '/parameters/ssm/demo/config.json?format=text'))[1])->{limits}{burst};
my (undef, $password) = call('GET', '/parameters/secrets/demo/database?key=password&format=text');
my $premium = $json->decode((call('GET', '/flags/premium?context.tier=gold&format=text'))[1]);

# Idempotency in three steps: ask, run, complete.
my ($status, $text) = call('POST', '/idempotency/begin', $json->encode({ key => $order }));
my $state  = $json->decode($text);
my $charge = $state->{data};                                                # 200: the stored answer
if ($status == 201) {
    print $json->encode({ level => 'INFO', message => 'charging', order => $order }), "\n";
    $charge = "charged $order";
    call('POST', "/idempotency/complete?id=$state->{id}", $json->encode($charge));
}

call('POST', '/metrics', $json->encode({ metrics => [{ name => 'OrdersPlaced', unit => 'Count', value => 1 }] }));

# A log line: the extension adds request id, service and the rest.
print $json->encode({ level => 'INFO', message => 'order placed', order => $order, greeting => $greeting, burst => $burst,
        password_length => length $password, premium => $premium, charge => $charge }), "\n";

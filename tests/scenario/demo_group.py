"""Part of the demo: two atomic groups, sent as a service would. demo_group.py ENDPOINT"""
import sys
import uuid

import msgpack
import zmq

endpoint = sys.argv[1]
socket = zmq.Context().socket(zmq.REQ)
socket.linger = 0
socket.rcvtimeo = 10_000
socket.connect(endpoint)


def transfer(source, target, amount):
    return {"kind": "transfer", "transaction_id": uuid.uuid4().bytes, "from_account": source, "to_account": target,
            "amount": amount, "currency": "USD"}


def send_group(*items):
    for item in items:
        print(f"  {item['from_account']} pays {item['to_account']} {item['amount']}")
    group = {"kind": "group", "transaction_id": uuid.uuid4().bytes, "items": items}
    socket.send(msgpack.packb([1, "batch", 1, None, None, [group]]))
    _version, _request, _code, rows = msgpack.unpackb(socket.recv())
    code, field, answers = rows[0]
    print(f"  -> {code} {field or ''} {answers}")
    return code


print('socket.send(msgpack.packb([1, "batch", 1, None, None, [group]]))   # amounts in cents')
first = send_group(transfer("alice", "bob", "5.00"), transfer("alice", "carol", "10.00"))
second = send_group(transfer("alice", "bob", "5.00"), transfer("alice", "carol", "45.00"))
sys.exit(0 if (first, second) == ("OK", "CEILING_EXCEEDED") else 1)

// A relay made of node-smpp: node node_smpp_relay.js UPSTREAM_PORT. The package comes from NODE_PATH.
// One upstream session for each of the platform's; prints its port when it listens.
'use strict';
const smpp = require('smpp');

const HOST = '127.0.0.1';
const upstream = Number(process.argv[2]);
const FIELDS = [
  'service_type', 'source_addr_ton', 'source_addr_npi', 'source_addr', 'dest_addr_ton', 'dest_addr_npi',
  'destination_addr', 'esm_class', 'protocol_id', 'priority_flag', 'schedule_delivery_time', 'validity_period',
  'registered_delivery', 'replace_if_present_flag', 'data_coding', 'sm_default_msg_id', 'short_message',
];

function ended(error) {
  if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') throw error;
}

const server = smpp.createServer((session) => {
  const client = smpp.connect({ host: HOST, port: upstream });
  session.socket.setNoDelay(true);
  client.socket.setNoDelay(true);
  session.on('bind_transmitter', (pdu) => {
    client.bind_transmitter({ system_id: pdu.system_id, password: pdu.password }, (answer) => {
      session.send(pdu.response({ command_status: answer.command_status, system_id: 'bench' }));
    });
  });
  session.on('submit_sm', (pdu) => {
    const fields = {};
    for (const name of FIELDS) fields[name] = pdu[name];
    client.submit_sm(fields, (answer) => {
      session.send(pdu.response({ command_status: answer.command_status, message_id: answer.message_id }));
    });
  });
  session.on('close', () => client.destroy());
  session.on('error', ended);
  client.on('error', ended);
});
server.listen(0, HOST, () => process.stdout.write(`${server.address().port}\n`));

// Answers questions about Data Integrity proofs and Bitstring Status Lists with Digital Bazaar's libraries, which share no code
// with this project. One JSON object on standard input, one on standard output; nothing is fetched.

import * as Ed25519Multikey from '@digitalbazaar/ed25519-multikey';
import {DataIntegrityProof} from '@digitalbazaar/data-integrity';
import {createSignCryptosuite, createVerifyCryptosuite} from '@digitalbazaar/eddsa-jcs-2022-cryptosuite';
import {createList, decodeList} from '@digitalbazaar/vc-bitstring-status-list';
import jsigs from 'jsonld-signatures';

const {purposes: {AssertionProofPurpose}} = jsigs;

function loader(didDocuments) {
  return async url => {
    const [did, fragment] = url.split('#');
    if(!did.startsWith('did:key:') && !(did in didDocuments)) {
      throw new Error(`nothing is fetched here: ${url}`);
    }
    const multikey = did.slice('did:key:'.length);
    const controller = didDocuments[did] ?? {
      '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
      id: did,
      verificationMethod: [
        {id: `${did}#${multikey}`, type: 'Multikey', controller: did, publicKeyMultibase: multikey}
      ],
      assertionMethod: [`${did}#${multikey}`]
    };
    let document = controller;
    if(fragment !== undefined) {
      document = controller.verificationMethod.find(method => method.id === url);
      if(document === undefined) {
        throw new Error(`no such verification method: ${url}`);
      }
      document = {'@context': 'https://w3id.org/security/multikey/v1', ...document};
    }
    return {contextUrl: null, documentUrl: url, document};
  };
}

async function verify({credential, didDocuments = {}}) {
  const result = await jsigs.verify(credential, {
    suite: new DataIntegrityProof({cryptosuite: createVerifyCryptosuite()}),
    purpose: new AssertionProofPurpose(),
    documentLoader: loader(didDocuments)
  });
  return {verified: result.verified, error: result.error ? JSON.stringify(result.error.errors?.map(String)) : null};
}

async function sign({document, id, controller, publicKeyMultibase, secretKeyMultibase, date}) {
  const key = await Ed25519Multikey.from({
    '@context': 'https://w3id.org/security/multikey/v1', type: 'Multikey', id, controller, publicKeyMultibase, secretKeyMultibase
  });
  const suite = new DataIntegrityProof({signer: key.signer(), date, cryptosuite: createSignCryptosuite()});
  return await jsigs.sign(document, {suite, purpose: new AssertionProofPurpose(), documentLoader: loader({})});
}

async function readList({encodedList}) {
  const list = await decodeList({encodedList});
  const set = [];
  for(let index = 0; index < list.length; index++) {
    if(list.getStatus(index)) {
      set.push(index);
    }
  }
  return {length: list.length, set};
}

async function writeList({length, set}) {
  const list = await createList({length});
  for(const index of set) {
    list.setStatus(index, true);
  }
  return {encodedList: await list.encode()};
}

const questions = {verify, sign, readList, writeList};
const chunks = [];
for await (const chunk of process.stdin) {
  chunks.push(chunk);
}
const answers = [];
for(const [name, argument] of JSON.parse(Buffer.concat(chunks).toString('utf8'))) {
  answers.push(await questions[name](argument));
}
process.stdout.write(JSON.stringify(answers));
